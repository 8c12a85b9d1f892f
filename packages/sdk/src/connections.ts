// The connections that requests use. For @offthread/devtools, which has no other way to @offthread/worker.
export { type Agents, connectionsTo } from '@offthread/worker/http/connections';
