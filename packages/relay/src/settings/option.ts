// The options of the relay: their flags, their environment variables, and how a value is read. Next: settings.ts.

/** Kubernetes gives each pod variables for the services of its namespace: `NAME_PORT=tcp://10.0.0.7:80`. */
const SERVICE_LINK =
  '; Kubernetes sets this variable for a Service of that name unless its pod has enableServiceLinks: false';

/** A setting that the user can correct. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** Values as they were given: by flag, or else by environment variable. */
export class Given {
  readonly #flags: Readonly<Record<string, unknown>>;
  readonly #environment: NodeJS.ProcessEnv;

  /** @param flags by the option's name in camel case, as commander returns them. */
  constructor(flags: Readonly<Record<string, unknown>>, environment: NodeJS.ProcessEnv) {
    this.#flags = flags;
    this.#environment = environment;
  }

  /** Returns a value, and how the user names the option; undefined if it isn't given. An empty text isn't a value. */
  find(
    flag: string,
  ): { readonly text: string; readonly label: string; readonly isFlag: boolean } | undefined {
    const value = this.#flags[camelCase(flag)];
    if (value !== undefined && value !== true && value !== false)
      return { text: String(value), label: `--${flag}`, isFlag: true };
    const variable = variableOf(flag);
    const text = this.#environment[variable]?.trim();
    return text === undefined || text === '' ? undefined : { text, label: variable, isFlag: false };
  }

  text(flag: string): string | undefined {
    return this.find(flag)?.text;
  }

  /** Returns a whole number within bounds. */
  number(flag: string, normal: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
    const found = this.find(flag);
    if (found === undefined) return normal;
    const value = /^\d+$/.test(found.text) ? Number(found.text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const bound = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    const remedy = !found.isFlag && found.text.startsWith('tcp://') ? SERVICE_LINK : '';
    throw new SettingsError(`${found.label} must be a whole number ${bound}, got '${found.text}'${remedy}`);
  }

  /** Returns one of these words. */
  choice<Word extends string>(flag: string, words: readonly Word[], normal: Word): Word {
    const found = this.find(flag);
    if (found === undefined) return normal;
    const word = words.find((each) => each === found.text);
    if (word !== undefined) return word;
    throw new SettingsError(`${found.label} must be one of ${words.join(', ')}, got '${found.text}'`);
  }

  /** Returns whether a part of the relay is on, which it is unless `--no-PART` is given, or its variable is `false`. */
  isOn(part: string): boolean {
    if (this.#flags[part] === false) return false;
    return this.#isTrue(part) ?? true;
  }

  /** Returns whether something is allowed, which it isn't unless the flag is given, or its variable is `true`. */
  allows(flag: string): boolean {
    if (this.#flags[camelCase(flag)] === true) return true;
    return this.#isTrue(flag) ?? false;
  }

  /** Returns a number of bytes, with or without a unit: `1073741824`, `512MB`, `1GiB`. */
  bytes(flag: string, normal: number, least: number): number {
    const found = this.find(flag);
    if (found === undefined) return normal;
    const [, digits, prefix = '', binary] = /^(\d+)\s*([kmgt]?)(i?)b?$/i.exec(found.text) ?? [];
    const power = prefix === '' ? 0 : 'kmgt'.indexOf(prefix.toLowerCase()) + 1;
    const value = digits === undefined ? Number.NaN : Number(digits) * (binary ? 1024 : 1000) ** power;
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new SettingsError(
      `${found.label} must be a number of bytes of at least ${least}, like 1073741824 or 1GiB, got '${found.text}'`,
    );
  }

  #isTrue(flag: string): boolean | undefined {
    const variable = variableOf(flag);
    const text = this.#environment[variable]?.trim() ?? '';
    if (text === '') return undefined;
    if (text === 'true' || text === 'false') return text === 'true';
    throw new SettingsError(`${variable} must be true or false, got '${text}'`);
  }
}

/** `--max-bytes` is `OFFTHREAD_RELAY_MAX_BYTES`. */
export function variableOf(flag: string): string {
  return `OFFTHREAD_RELAY_${flag.toUpperCase().replaceAll('-', '_')}`;
}

function camelCase(flag: string): string {
  return flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
