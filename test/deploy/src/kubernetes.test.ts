import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { all, environment, only, readDockerfile } from './image/dockerfile.ts';
import { build } from './kubernetes/kustomize.ts';
import type { Manifest } from './kubernetes/manifest.ts';
import { schemaProblems } from './kubernetes/schema.ts';
import { settingProblems } from './settings.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const probe = z.looseObject({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const variable = z.strictObject({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z.strictObject({ secretKeyRef: z.strictObject({ name: z.string(), key: z.string() }) }).optional(),
});
const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  envFrom: z.array(z.strictObject({ configMapRef: z.object({ name: z.string() }) })),
  env: z.array(variable),
  ports: z.array(z.object({ name: z.string(), containerPort: z.int() })).default([]),
  startupProbe: probe.optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
  resources: z.object({
    requests: z.object({ cpu: z.string(), memory: z.string() }),
    limits: z.object({ memory: z.string() }),
  }),
  securityContext: z.unknown(),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
});
const pod = z.looseObject({
  terminationGracePeriodSeconds: z.int(),
  securityContext: z.looseObject({ runAsNonRoot: z.boolean() }),
  topologySpreadConstraints: z.array(z.unknown()).default([]),
  containers: z.tuple([container]),
  volumes: z.array(z.looseObject({ name: z.string() })),
});
const template = z.looseObject({ metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }), spec: pod });
const deployment = z.looseObject({
  spec: z.looseObject({ selector: z.object({ matchLabels: z.record(z.string(), z.string()) }), template }),
});
const cronJob = z.looseObject({
  spec: z.looseObject({
    concurrencyPolicy: z.string(),
    jobTemplate: z.object({ spec: z.looseObject({ template }) }),
  }),
});
const settings = z.looseObject({ data: z.record(z.string(), z.string()) });
const autoscaler = z.looseObject({
  spec: z.looseObject({
    scaleTargetRef: z.looseObject({ name: z.string() }),
    minReplicas: z.int(),
    maxReplicas: z.int(),
  }),
});
const selecting = z.looseObject({ spec: z.looseObject({ selector: z.unknown() }) });

describe.each(['base', 'overlays/example'])('infra/kubernetes/%s', (name) => {
  const resources = build(join(root, 'infra/kubernetes', name));
  const find = (kind: string, called: string): Manifest => {
    const found = resources.filter((each) => each.kind === kind && each.metadata.name === called);
    const [one] = found;
    if (one === undefined || found.length > 1) throw new Error(`${found.length} times ${kind} ${called}`);
    return one;
  };
  const podOf = (app: string) =>
    app === 'batch-layer'
      ? cronJob.parse(find('CronJob', app)).spec.jobTemplate.spec.template
      : deployment.parse(find('Deployment', app)).spec.template;
  const common = settings.parse(find('ConfigMap', 'tidemark-settings')).data;

  it.each(resources.map((each) => [`${each.kind} ${each.metadata.name}`, each] as const))(
    '%s is what Kubernetes takes, field by field',
    (_, resource) => {
      expect(schemaProblems(resource)).toEqual([]);
    },
  );

  describe.each(['speed-layer', 'serving-layer', 'batch-layer'])('%s', (app) => {
    const { metadata, spec } = podOf(app);
    const [main] = spec.containers;
    const final = readDockerfile(join(root, `apps/${app}/Dockerfile`)).at(-1);
    const given = Object.fromEntries(main.env.map(({ name: key, value }) => [key, value ?? '']));

    it('has settings that are some, with values that can be read, and the stores by reference to the secret alone', () => {
      expect(main.envFrom).toEqual([{ configMapRef: { name: 'tidemark-settings' } }]);
      expect(settingProblems({ ...common, ...given })).toEqual([]);
      for (const { name: key, value, valueFrom } of main.env) {
        const isStore = /_(LOG|VIEWS|CATALOG)_URL$/.test(key);
        expect([key, value === undefined]).toEqual([key, isStore]);
        if (isStore) expect(valueFrom?.secretKeyRef.name).toBe('tidemark-stores');
      }
    });

    it('may do nothing that it does not need', () => {
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(spec).toMatchObject({ automountServiceAccountToken: false });
      expect(main.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(final && only(final, 'USER')).toBe('node');
      expect(main.volumeMounts.map((mount) => mount.name).sort()).toEqual(
        spec.volumes.map((volume) => volume.name).sort(),
      );
      expect(main.volumeMounts.map(({ mountPath }) => mountPath)).toContain('/tmp');
    });

    it('is of a pinned image', () => {
      expect(main.image).toMatch(new RegExp(`tidemark/${app}:\\d+\\.\\d+\\.\\d+$`));
    });

    it('is found by its label', () => {
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/name': app });
    });
  });

  describe.each([
    ['speed-layer', 'TIDEMARK_METRICS_PORT', '/healthz'],
    ['serving-layer', 'TIDEMARK_PORT', '/readyz'],
  ])('%s', (app, portSetting, readyPath) => {
    const { spec } = podOf(app);
    const [main] = spec.containers;
    const port = Number(main.env.find((each) => each.name === portSetting)?.value);

    it('is asked for its health where it says it', () => {
      const [only] = main.ports;
      expect(only?.containerPort).toBe(port);
      const final = readDockerfile(join(root, `apps/${app}/Dockerfile`)).at(-1);
      expect(final && all(final, 'EXPOSE')).toEqual([String(port)]);
      expect(final && environment(final)[portSetting]).toBe(String(port));
      expect(main.readinessProbe?.httpGet).toEqual({ path: readyPath, port: only?.name });
      for (const each of [main.startupProbe, main.livenessProbe])
        expect(each?.httpGet).toEqual({ path: '/healthz', port: only?.name });
    });

    it('is kept apart, kept in number, and scaled', () => {
      const selector = { matchLabels: { 'app.kubernetes.io/name': app } };
      expect(spec.topologySpreadConstraints).toHaveLength(2);
      expect(deployment.parse(find('Deployment', app)).spec.selector).toEqual(selector);
      expect(selecting.parse(find('PodDisruptionBudget', app)).spec.selector).toEqual(selector);
      const { scaleTargetRef, minReplicas } = autoscaler.parse(find('HorizontalPodAutoscaler', app)).spec;
      expect([scaleTargetRef.name, minReplicas]).toEqual([app, 2]);
    });
  });

  it('has at most as many speed layers as partitions', () => {
    const { maxReplicas } = autoscaler.parse(find('HorizontalPodAutoscaler', 'speed-layer')).spec;
    expect(maxReplicas).toBeLessThanOrEqual(Number(common.TIDEMARK_PARTITIONS));
  });

  it('gives the serving layer the time it drains for, and a moment more', () => {
    const { spec } = podOf('serving-layer');
    const drain = /^(\d+)s$/.exec(
      spec.containers[0].env.find((each) => each.name === 'TIDEMARK_DRAIN')?.value ?? '',
    )?.[1];
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(Number(drain) + 4);
  });

  it('balances to the port that the serving layer listens on', () => {
    expect(find('Service', 'serving-layer')).toMatchObject({
      spec: { selector: { 'app.kubernetes.io/name': 'serving-layer' }, ports: [{ targetPort: 'http' }] },
    });
  });

  it('runs one batch at a time, on the lake', () => {
    const { spec } = cronJob.parse(find('CronJob', 'batch-layer'));
    expect(spec.concurrencyPolicy).toBe('Forbid');
    expect(spec.jobTemplate.spec.template.spec.volumes).toContainEqual({
      name: 'lake',
      persistentVolumeClaim: { claimName: find('PersistentVolumeClaim', 'tidemark-lake').metadata.name },
    });
  });

  it('sees a field that Kubernetes would drop in silence', () => {
    const broken = structuredClone(find('Deployment', 'speed-layer'));
    const [main] = deployment.parse(broken).spec.template.spec.containers;
    expect(schemaProblems({ ...broken, spec: { ...deployment.parse(broken).spec, replica: 2 } })).toEqual([
      '/spec/replica',
    ]);
    expect(main.name).toBe('speed-layer');
  });
});
