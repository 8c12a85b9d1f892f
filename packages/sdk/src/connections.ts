// The connection pools of the worker. For @offthread/devtools, because @offthread/worker isn't published.
export { type Agents, connectionsTo } from '@offthread/worker/http/connections';
