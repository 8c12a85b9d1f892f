// Finds an installed Chromium and launches it. Never downloads one.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Path of a Chromium or Chrome: `OFFTHREAD_CHROMIUM`, or one of the usual paths. */
export function findBrowser(): string | undefined {
  const named = process.env['OFFTHREAD_CHROMIUM'];
  return named ?? PLACES.find((place) => existsSync(place));
}

/** Launches it with its own profile, which is deleted when the browser is closed. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error('no Chromium found: set OFFTHREAD_CHROMIUM to its path');
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
