// Starts the page: the stream fills the store, and the app renders it.
import { render } from 'preact';
import { App } from './app.js';
import { Store } from './store.js';
import { follow } from './stream.js';

const store = new Store();
follow(store);
// The chart moves even if nothing arrives.
setInterval(() => store.touch(), 1_000);
render(<App store={store} />, document.body);
