// The files of examples/fleet, run as Kubernetes and Docker Compose would: with the same environment, on a real
// redis-server.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { resolveSettings } from '../../packages/relay/src/settings/settings.js';
import { read, root } from '../helpers/markdown.js';
import { batchOf, post } from '../helpers/raw-client.js';
import { RedisServer } from '../helpers/redis.js';
import { RELAY_KEY, type RunningRelay, relayCommand, Scratch, startRelay } from '../helpers/relay.js';

type Variables = Readonly<Record<string, string>>;
type Labels = Readonly<Record<string, string>>;

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Volume {
  readonly name: string;
  readonly secret: { readonly items: readonly { readonly path: string }[] };
}

interface Deployment {
  readonly spec: {
    readonly replicas: number;
    readonly selector: { readonly matchLabels: Labels };
    readonly template: {
      readonly metadata: { readonly labels: Labels; readonly annotations: Labels };
      readonly spec: {
        readonly enableServiceLinks?: boolean;
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly Container[];
        readonly volumes: readonly Volume[];
      };
    };
  };
}

interface Service {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly selector: Labels; readonly ports: readonly { readonly targetPort: string }[] };
}

interface DisruptionBudget {
  readonly spec: { readonly minAvailable: number; readonly selector: { readonly matchLabels: Labels } };
}

interface Compose {
  readonly services: {
    readonly balancer: { readonly ports: readonly string[]; readonly depends_on: readonly string[] };
    readonly relay: {
      readonly environment: Variables;
      readonly secrets: readonly string[];
      readonly depends_on: object;
    };
    readonly redis: { readonly command: string; readonly volumes: readonly string[] };
  };
  readonly volumes: object;
  readonly secrets: object;
}

/** The documents of a file. Fails for what a strict parser refuses, such as a key that is there twice. */
function documentsIn(file: string) {
  return parseAllDocuments(read(`examples/fleet/${file}`), { strict: true }).map((document) => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    return document.toJS();
  });
}

const compose: Compose = documentsIn('compose.yaml')[0];
const cluster = documentsIn('kubernetes/relay.yaml');
const ofKind = (kind: string) => cluster.find((manifest) => manifest.kind === kind);
const deployment: Deployment = ofKind('Deployment');
const service: Service = ofKind('Service');
const budget: DisruptionBudget = ofKind('PodDisruptionBudget');
const pod = deployment.spec.template;

let api: TrackingApi;
let redis: RedisServer;
let scratch: Scratch;
let relay: RunningRelay | undefined;

beforeAll(async () => {
  // Its options are those of the compose file.
  const options = [...compose.services.redis.command.matchAll(/--(\S+) (\S+)/g)];
  const settings = Object.fromEntries(options.map(([, name = '', value = '']) => [name, value]));
  expect(compose.services.redis.command).toBe(
    ['redis-server', ...options.map(([option]) => option)].join(' '),
  );
  [api, redis] = await Promise.all([startTrackingApi(), RedisServer.start(settings)]);
});
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(async () => {
  // Not at once: the next relay would have to wait for its leases.
  await relay?.stop();
  relay = undefined;
  scratch.remove();
});
afterAll(async () => {
  await redis.close();
  await api.close();
});

/** The ports on which a relay with these variables would listen. */
function portsOf(env: Variables): Record<string, number | undefined> {
  const { port, host, metrics } = resolveSettings({}, env);
  expect([host, metrics?.host]).toEqual(['0.0.0.0', '0.0.0.0']);
  return { http: port, metrics: metrics?.port };
}

/** Starts a relay with these variables, but on free ports. */
async function run(env: Variables): Promise<Record<string, string | undefined>> {
  const ports = { OFFTHREAD_RELAY_PORT: '0', OFFTHREAD_RELAY_METRICS_PORT: '0' };
  relay = await startRelay({
    args: ['--api-host', api.url],
    keys: [],
    env: { ...env, ...ports },
    cwd: scratch.path,
  });
  const local = (url = '') => url.replace('0.0.0.0', '127.0.0.1');
  return { http: local(relay.url), metrics: local(relay.metricsUrl) };
}

async function deliversTo(url: string): Promise<void> {
  await api.reset();
  expect((await post(url, batchOf(5), { writeKey: RELAY_KEY })).status).toBe(200);
  await api.waitFor({ events: 5, timeoutMs: 15_000 });
}

test('the pod of the manifests starts, is probed where it listens, and delivers', async () => {
  const [container] = pod.spec.containers;
  if (container === undefined) throw new Error('the pod has no container');
  const keys = scratch.write('write-keys', `${RELAY_KEY}\n`);
  const env: Record<string, string> = { OFFTHREAD_RELAY_REDIS: redis.url };
  // What Kubernetes sets in each pod for a service of this name, before the variables of the manifest.
  if (pod.spec.enableServiceLinks !== false) {
    const prefix = service.metadata.name.toUpperCase().replaceAll('-', '_');
    env[`${prefix}_SERVICE_HOST`] = '10.0.0.7';
    env[`${prefix}_PORT`] = 'tcp://10.0.0.7:80';
  }
  for (const { name, value } of container.env) if (value !== undefined) env[name] = value;
  const [mount] = container.volumeMounts;
  const volume = pod.spec.volumes.find(({ name }) => name === mount?.name);
  expect(env['OFFTHREAD_RELAY_WRITE_KEY_FILE']).toBe(`${mount?.mountPath}/${volume?.secret.items[0]?.path}`);
  env['OFFTHREAD_RELAY_WRITE_KEY_FILE'] = keys;
  expect(portsOf(env)).toEqual(
    Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort])),
  );
  expect(pod.metadata.annotations['prometheus.io/port']).toBe(String(portsOf(env)['metrics']));
  const urls = await run(env);
  for (const { httpGet } of [container.startupProbe, container.livenessProbe, container.readinessProbe])
    expect((await fetch(`${urls[httpGet.port]}${httpGet.path}`)).status).toBe(200);
  expect((await fetch(`${urls['metrics']}/metrics`)).status).toBe(200);
  await deliversTo(urls[service.spec.ports[0]?.targetPort ?? ''] ?? '');
});

test('the parts of the manifests belong together', () => {
  const { replicas, selector } = deployment.spec;
  for (const labels of [selector.matchLabels, service.spec.selector, budget.spec.selector.matchLabels])
    expect(pod.metadata.labels).toMatchObject(labels);
  // Otherwise no node could ever be drained.
  expect(budget.spec.minAvailable).toBeLessThan(replicas);
  // A relay stops within 25 s, after the 5 s of preStop.
  expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(30);
});

test('the relay of the compose file starts, and delivers', async () => {
  const { environment, secrets, depends_on } = compose.services.relay;
  expect(environment['OFFTHREAD_RELAY_WRITE_KEY_FILE']).toBe(`/run/secrets/${secrets[0]}`);
  expect(environment['OFFTHREAD_RELAY_REDIS']).toBe(`redis://${Object.keys(depends_on)[0]}:6379`);
  const env = {
    ...environment,
    OFFTHREAD_RELAY_REDIS: redis.url,
    OFFTHREAD_RELAY_WRITE_KEY_FILE: scratch.write('write-keys', RELAY_KEY),
  };
  const { http } = portsOf(env);
  expect(read('examples/fleet/nginx.conf')).toMatch(new RegExp(`^ *server relay:${http} resolve;$`, 'm'));
  expect(compose.services.balancer.ports).toEqual([`${http}:${http}`]);
  await deliversTo((await run(env))['http'] ?? '');
  const { stdout } = await relayCommand(['doctor', '--api-host', api.url], { env });
  expect(stdout).toContain('✓ appendfsync is always');
  expect(stdout).toContain('✓ maxmemory-policy is noeviction');
  expect(stdout).not.toMatch(/^[!✗]/m);
});

test('the compose file names only what it has, and the image what the package has', () => {
  const { services, volumes, secrets } = compose;
  expect(Object.keys(services)).toEqual(
    expect.arrayContaining([...services.balancer.depends_on, ...Object.keys(services.relay.depends_on)]),
  );
  expect(Object.keys(secrets)).toEqual(services.relay.secrets);
  expect(services.redis.volumes[0]?.split(':')[0]).toBe(Object.keys(volumes)[0]);
  const image = read('examples/fleet/Dockerfile');
  const entry = /ENTRYPOINT \["node", "node_modules\/@offthread\/relay\/([^"]+)"\]/.exec(image)?.[1] ?? '';
  expect(existsSync(join(root, 'packages/relay', entry))).toBe(true);
  const { http, metrics } = portsOf({
    ...services.relay.environment,
    OFFTHREAD_RELAY_WRITE_KEY_FILE: scratch.write('write-keys', RELAY_KEY),
  });
  expect(image).toContain(`EXPOSE ${http} ${metrics}\n`);
});
