// Runs the plugins of the drop-in on an event. Used by plugin-list.ts.
import { ValidationError } from '../errors.js';
import type { EventType } from '../event/event.js';
import { Context, ContextCancelation } from './event-context.js';

/** The client that a plugin is loaded into. */
export interface PluginHost {
  readonly VERSION: string;
}

type Run = (ctx: Context) => Promise<Context> | Context;

/** A plugin of analytics-node. */
export interface Plugin {
  name: string;
  version?: string;
  /**
   * `before` and `enrichment` change or cancel an event before it is sent, `destination` sees it, `after` runs when the
   * API has accepted it, `utility` sees no events.
   */
  type: 'before' | 'enrichment' | 'destination' | 'after' | 'utility';
  isLoaded(): boolean;
  load(ctx: Context, instance: PluginHost): Promise<unknown>;
  unload?(ctx: Context, instance: PluginHost): Promise<unknown> | unknown;
  ready?(): Promise<unknown>;
  track?: Run;
  identify?: Run;
  page?: Run;
  screen?: Run;
  group?: Run;
  alias?: Run;
}

const TYPES: readonly Plugin['type'][] = ['before', 'enrichment', 'destination', 'after', 'utility'];

/** @throws {ValidationError} `invalid_setting`, if it isn't a plugin. */
export function checkPlugin(plugin: Plugin): Plugin {
  const { name, type, load } = Object(plugin) as Partial<Plugin>;
  if (typeof name === 'string' && typeof load === 'function' && TYPES.some((each) => each === type)) {
    return plugin;
  }
  const expected = `register() takes plugins: objects with name, load() and a type, one of ${TYPES.join(', ')}`;
  throw new ValidationError('invalid_setting', expected, plugin);
}

/**
 * Passes an event through plugins in order. The result is a promise only if a plugin returns one.
 *
 * @throws what a plugin of the type `before` throws, or what `ctx.cancel()` throws in any plugin.
 */
export function runPlugins(
  plugins: readonly Plugin[],
  type: EventType,
  given: Context,
): Context | Promise<Context> {
  let ctx = given;
  for (const [index, plugin] of plugins.entries()) {
    const result = attempt(plugin, type, ctx);
    if (result instanceof Context) ctx = result;
    else return result.then((next) => runPlugins(plugins.slice(index + 1), type, next));
  }
  return ctx;
}

function attempt(plugin: Plugin, type: EventType, ctx: Context): Context | Promise<Context> {
  const run = plugin[type];
  if (run === undefined) return ctx;
  try {
    const returned: unknown = run.call(plugin, ctx);
    if (returned instanceof Context) return returned;
    return isThenable(returned) ? settled(plugin, ctx, returned) : ctx;
  } catch (cause) {
    return failed(plugin, ctx, cause);
  }
}

async function settled(plugin: Plugin, ctx: Context, returned: PromiseLike<unknown>): Promise<Context> {
  try {
    const next = await returned;
    return next instanceof Context ? next : ctx;
  } catch (cause) {
    return failed(plugin, ctx, cause);
  }
}

/** As in analytics-node, only a plugin of the type `before`, and one that cancels, stops the event. */
function failed(plugin: Plugin, ctx: Context, cause: unknown): Context {
  if (plugin.type === 'before' || cause instanceof ContextCancelation) throw cause;
  ctx.log('error', `Plugin ${plugin.name} failed`, { cause });
  return ctx;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof Object(value).then === 'function';
}
