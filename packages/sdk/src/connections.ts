// The connection pools of the worker. For @offthread/devtools, because @offthread/worker isn't published.
export type { Agents } from '@offthread/worker/http/agents';
export { connectionsTo } from '@offthread/worker/http/connections';
