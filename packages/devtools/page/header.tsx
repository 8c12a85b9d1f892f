// The name, the address to send to, and whether the page is connected.
import type { Store } from './store.js';

export function Header({ store }: { store: Store }) {
  return (
    <header class="header">
      <h1>
        <img src="/_offthread/page/icon.svg" alt="" width="18" height="18" /> Offthread <span>listen</span>
      </h1>
      {store.hello && <code class="address">{store.hello.url}</code>}
      <span class={store.isConnected ? 'link live' : 'link lost'} role="status">
        <i aria-hidden="true" />
        {store.isConnected ? 'Live' : 'Not connected, trying again'}
      </span>
    </header>
  );
}
