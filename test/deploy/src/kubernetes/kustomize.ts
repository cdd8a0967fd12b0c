import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Manifest, manifest, readManifests } from './manifest.ts';

const kustomization = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  namespace: z.string().optional(),
  labels: z.array(z.strictObject({ pairs: z.record(z.string(), z.string()) })).default([]),
  resources: z.array(z.string()),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })).default([]),
  patches: z
    .array(z.strictObject({ target: z.strictObject({ kind: z.string(), name: z.string() }), patch: z.string() }))
    .default([]),
});

const operations = z.array(z.strictObject({ op: z.literal('replace'), path: z.string(), value: z.unknown() }));

const CLUSTER_WIDE = new Set(['Namespace']);

/**
 * The resources of a folder with a kustomization.yaml, as `kustomize build` makes them, for what ours use of it. Throws
 * when a resource is not there, or an image or a patch is for nothing.
 */
export function build(folder: string): readonly Manifest[] {
  const file = readFileSync(join(folder, 'kustomization.yaml'), 'utf8');
  const { resources, namespace, images, patches } = kustomization.parse(parse(file));
  let built = resources.flatMap((path) =>
    path.endsWith('.yaml') ? readManifests(join(folder, path)) : build(join(folder, path)),
  );
  for (const { target, patch } of patches) {
    const hit = built.filter(({ kind, metadata }) => kind === target.kind && metadata.name === target.name);
    if (hit.length !== 1) throw new Error(`a patch of ${target.kind} ${target.name} hits ${hit.length} resources`);
    for (const { path, value } of operations.parse(parse(patch))) replace(hit[0], path, value);
  }
  for (const image of images) {
    const before = JSON.stringify(built);
    const after = before.replaceAll(
      new RegExp(`"image":"${image.name}:[^"]+"`, 'g'),
      `"image":"${image.newName}:${image.newTag}"`,
    );
    if (after === before) throw new Error(`no resource has the image ${image.name}`);
    built = z.array(manifest).parse(JSON.parse(after));
  }
  if (namespace === undefined) return built;
  return built.map((each) =>
    CLUSTER_WIDE.has(each.kind) ? each : { ...each, metadata: { ...each.metadata, namespace } },
  );
}

/** Replaces what is at the path (RFC 6902), which must be there. */
function replace(target: unknown, path: string, value: unknown): void {
  const keys = path.split('/').slice(1);
  const last = keys.pop() ?? '';
  let at: unknown = target;
  for (const key of keys) at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined;
  if (typeof at !== 'object' || at === null || !Reflect.has(at, last)) throw new Error(`a patch finds no ${path}`);
  Reflect.set(at, last, value);
}
