// Rewrites error messages of the SDK, which name settings and fields, to name options.

/** Settings and fields whose names can't be mistaken for other words. */
const TELLING = /'?\b(userId|anonymousId|previousId|groupId|messageId|writeKey|allowInsecureHost)\b'?/g;

/** Settings, and fields whose names are English words as well. */
const NAMED =
  /\bSetting '(\w+)'|(?<=\(\): )(event|name|category|timestamp|properties|traits|context|integrations)\b/g;

/** The message, with options in place of settings and fields. */
export function withOptionNames(message: string): string {
  return message
    .replace(/\bset allowInsecureHost\b/, 'pass allowInsecureHost')
    .replace('needs a name if it has a category', 'needs --name if it has --category')
    .replace(/\b(an? )(?=userId|anonymousId)/g, '')
    .replace(NAMED, (_, setting?: string, field?: string) => optionOf(setting ?? field ?? ''))
    .replace(TELLING, (_, name: string) => optionOf(name))
    .replace(/^(\w+)\(\)/, 'send $1');
}

/** `--user-id` for `userId`. */
function optionOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
