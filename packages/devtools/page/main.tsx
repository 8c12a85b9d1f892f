// Starts the page: the stream fills the store, and the app shows it.
import { render } from 'preact';
import { App } from './app.js';
import { Store } from './store.js';
import { follow } from './stream.js';

const store = new Store();
follow(store);
// The chart moves on although nothing happens.
setInterval(() => store.touch(), 1_000);
render(<App store={store} />, document.body);
