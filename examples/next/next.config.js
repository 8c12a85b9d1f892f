// The configuration of Next.js.
import { fileURLToPath } from 'node:url';

export default {
  // The SDK is linked from the root of the workspace.
  turbopack: { root: fileURLToPath(new URL('../..', import.meta.url)) },
};
