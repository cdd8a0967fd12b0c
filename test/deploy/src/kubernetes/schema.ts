import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { CronJob } from 'kubernetes-models/batch/v1/CronJob';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { Service } from 'kubernetes-models/v1/Service';
import type { Manifest } from './manifest.ts';

const MODELS = [
  ConfigMap,
  CronJob,
  Deployment,
  HorizontalPodAutoscaler,
  Namespace,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  Service,
];

/** What Kubernetes' own schema of the resource has against it: wrong values, missing fields, fields that it does not know. */
export function schemaProblems(resource: Manifest): readonly string[] {
  const model = MODELS.find(({ apiVersion, kind }) => apiVersion === resource.apiVersion && kind === resource.kind);
  if (model === undefined) return [`no schema of ${resource.apiVersion} ${resource.kind}`];
  const asked = new Set<string>();
  try {
    Reflect.apply(model.prototype.validate, watched(resource, '', asked), []);
  } catch (error) {
    return [String(error)];
  }
  return pathsOf(resource, '').filter((path) => !asked.has(path));
}

/**
 * The same object, which notes the path of every field that is asked for. The schemas allow fields that they do not know,
 * as Kubernetes drops them in silence; but they look at every field that they do know.
 */
function watched(value: object, path: string, asked: Set<string>): object {
  return new Proxy(value, {
    get(target, key, receiver) {
      const found: unknown = Reflect.get(target, key, receiver);
      if (typeof key !== 'string') return found;
      const at = `${path}/${key}`;
      asked.add(at);
      return typeof found === 'object' && found !== null ? watched(found, at, asked) : found;
    },
  });
}

function pathsOf(value: unknown, path: string): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [`${path}/${key}`, ...pathsOf(inner, `${path}/${key}`)]);
}
