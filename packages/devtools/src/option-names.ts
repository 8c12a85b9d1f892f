// In: a message of the SDK. Out: the same message about options of a command. Used by usage.ts and commands/doctor.ts.

/** Settings and fields whose names are words of no other text. */
const TELLING = /'?\b(userId|anonymousId|previousId|groupId|messageId|writeKey|allowInsecureHost)\b'?/g;

/** Those that are words of English as well, where they are meant as names. */
const NAMED =
  /\bSetting '(\w+)'|\bas (event|name|category|timestamp|properties|traits|context|integrations)\b/g;

/** What the SDK says of a setting or a field that came from an option. */
export function withOptionNames(message: string): string {
  return message
    .replace(/\bset allowInsecureHost\b/, 'pass allowInsecureHost')
    .replace('needs a name where it has a category', 'needs --name where it has --category')
    .replace(/\b(an? )(?=userId|anonymousId)/g, '')
    .replace(NAMED, (_, setting?: string, field?: string) =>
      setting === undefined ? `as ${optionOf(field ?? '')}` : optionOf(setting),
    )
    .replace(TELLING, (_, name: string) => optionOf(name))
    .replace(/^(\w+)\(\)/, 'send $1');
}

/** `--user-id` for `userId`. */
function optionOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
