// In: nothing. Out: a Chromium that is on this machine, and pages in it. Nothing is ever downloaded.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Path of a Chromium or Chrome: `OFFTHREAD_CHROMIUM`, or where one usually is. */
export function findBrowser(): string | undefined {
  const named = process.env['OFFTHREAD_CHROMIUM'];
  return named ?? PLACES.find((place) => existsSync(place));
}

/** Starts it, with a profile of its own that is removed again when it is closed. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error('no Chromium found; OFFTHREAD_CHROMIUM can name one');
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
