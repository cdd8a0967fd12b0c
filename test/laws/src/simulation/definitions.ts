import type { Definition } from '@tidemark/metrics';
import type { Serving } from '@tidemark/views';
import { DEFINITION } from '../world.ts';
import type { BatchJobs } from './batch-jobs.ts';
import type { Shared } from './ports.ts';
import type { Simulation } from './simulation.ts';
import { SpeedGroup } from './speed-group.ts';

/** The same metrics under another id: one law holds of both. */
const OTHER: Definition = { ...DEFINITION, id: 'b'.repeat(16) };

/** A definition of a system: what its processes share, and its speed layer. */
export type Deployed = { readonly shared: Shared; readonly group: SpeedGroup };

/**
 * The definitions of a system: one, or two between which is switched. The processes of one that is not served come and go; the
 * definition served has its speed layer.
 */
export class Definitions {
  readonly first: Deployed;
  readonly #simulation: Simulation;
  readonly #second: Deployed | null;

  constructor(simulation: Simulation, shared: Shared, switches: boolean) {
    const deployed = (definition: Definition, isUp: boolean): Deployed => {
      const own = { ...shared, definition, fills: switches };
      return { shared: own, group: new SpeedGroup(simulation, own, isUp) };
    };
    this.#simulation = simulation;
    this.first = deployed(shared.definition, true);
    this.#second = switches ? deployed(OTHER, false) : null;
  }

  get all(): readonly Deployed[] {
    return this.#second ? [this.first, this.#second] : [this.first];
  }

  /** Any of them. */
  any(): Deployed {
    return this.#second ? this.#simulation.random.pick(this.all) : this.first;
  }

  /** The one that is served, or will be when its first generation is published. */
  async served(): Promise<Deployed> {
    return this.#second ? this.#servedBy(await this.#serving()) : this.first;
  }

  /** The one that a batch job is begun of: the one served, or the other while it is kept up. */
  async forJob(): Promise<Deployed> {
    const served = await this.served();
    const other = this.#besides(served);
    return other?.group.isUp && this.#simulation.random.chance(0.5) ? other : served;
  }

  /** The one that a reader asks: mostly the one served, else the other once it has a live generation: its servers answer too. */
  async forRead(): Promise<Shared> {
    const { shared } = await this.served();
    const other = this.#besides(await this.served());
    if (!other || !this.#simulation.random.chance(0.2)) return shared;
    return (await this.#isLive(other.shared)) ? other.shared : shared;
  }

  /** Somebody begins or ends the processes of the definition that is not served, switches to it, or goes back. */
  async change(jobs: BatchJobs): Promise<void> {
    const serving = await this.#serving();
    const served = this.#servedBy(serving);
    const other = this.#besides(served);
    if (!other) return;
    const { random } = this.#simulation;
    const dice = random.unit();
    const { id } = other.shared.definition;
    if (!other.group.isUp) {
      // A run of the one served removes the other when its time is over.
      if (serving?.previous === id && dice < 0.7) await jobs.run(false, served.shared);
      else if (dice < 0.9) await this.#begin(other);
    } else if (serving === null || !(await this.#isLive(other.shared))) {
      if (dice < 0.5) await jobs.run(false, other.shared);
      else if (dice < 0.55) other.group.end();
    } else if (serving.previous !== id) {
      if (dice < 0.6) await jobs.switchTo(id);
      else if (dice < 0.65) other.group.end();
    } else if (dice < 0.1) await jobs.switchTo(id);
    else if (dice < 0.55) await jobs.goBack();
    else other.group.end();
  }

  async #begin({ shared, group }: Deployed): Promise<void> {
    const isThere = (await shared.plainStore.find(shared.definition.id)) !== null;
    if (!isThere && hasDropped(this.#simulation)) this.#simulation.note('filled anew');
    await group.begin();
  }

  /** Whether it has a live generation. */
  async #isLive({ definition, plainStore, plainViews }: Shared): Promise<boolean> {
    const isThere = (await plainStore.find(definition.id)) !== null;
    return isThere && (await plainViews(definition).pointer()) !== null;
  }

  async #serving(): Promise<Serving | null> {
    return await this.first.shared.plainStore.serving();
  }

  #servedBy(serving: Serving | null): Deployed {
    return this.#second && serving?.serving === OTHER.id ? this.#second : this.first;
  }

  #besides(one: Deployed): Deployed | undefined {
    return this.all.find((each) => each !== one);
  }
}

/** Whether tables may be gone: some were dropped. */
export const hasDropped = ({ moments }: Simulation): boolean =>
  [...moments.keys()].some((moment) => / (store\.drop|cassandra drop )/.test(moment));
