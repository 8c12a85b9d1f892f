// The registered plugins of a drop-in client. Used by analytics-node.ts. Next: plugins.ts.
import { Context } from './event-context.js';
import { checkPlugin, type Plugin, type PluginHost, runPlugins } from './plugins.js';

/** The types of plugins that see an event before it is sent, in order. */
const BEFORE_SENDING: readonly Plugin['type'][] = ['before', 'enrichment', 'destination'];

export class PluginList {
  readonly #host: PluginHost;
  #plugins: Plugin[] = [];
  /** Registrations that are not done. Events that are tracked meanwhile wait for them. */
  #registering: Promise<unknown> | undefined;

  constructor(host: PluginHost) {
    this.#host = host;
  }

  /** Whether events must pass through plugins before they are sent. */
  get isInUse(): boolean {
    return this.#plugins.length > 0 || this.#registering !== undefined;
  }

  /** @throws {ValidationError} `invalid_setting`, as a rejection. */
  async register(plugins: readonly Plugin[]): Promise<void> {
    const checked = plugins.map(checkPlugin);
    const registering: Promise<unknown> = Promise.all([
      this.#registering?.catch(() => {}),
      ...checked.map(async (plugin) => {
        await plugin.load(Context.system(), this.#host);
        this.#plugins = [...this.#plugins, plugin];
      }),
    ]).finally(() => {
      if (this.#registering === registering) this.#registering = undefined;
    });
    this.#registering = registering;
    await registering;
  }

  /** Removes plugins by name. */
  async deregister(names: readonly string[]): Promise<void> {
    const removed = this.#plugins.filter(({ name }) => names.includes(name));
    this.#plugins = this.#plugins.filter((plugin) => !removed.includes(plugin));
    await Promise.all(removed.map((plugin) => plugin.unload?.(Context.system(), this.#host)));
  }

  /**
   * Passes an event through the plugins that see it before it is sent. The result is a promise only if a plugin returns
   * one, or a registration isn't done.
   *
   * @throws what keeps the event from being sent.
   */
  runBefore(ctx: Context): Context | Promise<Context> {
    const { type } = ctx.event;
    const run = (): Context | Promise<Context> => runPlugins(this.#of(...BEFORE_SENDING), type, ctx);
    return this.#registering === undefined ? run() : this.#registering.then(run, run);
  }

  /** Passes an event through the plugins that see it after it was delivered. Whatever they do, it is delivered. */
  runAfter(ctx: Context): Context | Promise<Context> {
    if (this.#plugins.length === 0) return ctx;
    try {
      const last = runPlugins(this.#of('after'), ctx.event.type, ctx);
      return last instanceof Context ? last : last.catch(() => ctx);
    } catch {
      return ctx;
    }
  }

  #of(...types: readonly Plugin['type'][]): Plugin[] {
    return types.flatMap((type) => this.#plugins.filter((plugin) => plugin.type === type));
  }
}
