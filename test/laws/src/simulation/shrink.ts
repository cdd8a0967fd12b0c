import { FAULT_KINDS } from './faults.ts';
import { type Outcome, runHistory, type Scenario } from './history.ts';

/** A history that breaks the law, as small as it was found to be. */
export type Smallest = { readonly scenario: Required<Scenario>; readonly outcome: Outcome };

/** Leaves out kinds of faults and cuts the end off, for as long as what is left still breaks the law. */
export async function shrink(failing: Scenario): Promise<Smallest> {
  let outcome = await runHistory(failing);
  let scenario: Required<Scenario> = { without: [], ...failing, steps: outcome.steps };
  const accept = async (smaller: Required<Scenario>): Promise<boolean> => {
    const tried = await runHistory(smaller);
    if (tried.failure === null) return false;
    scenario = smaller;
    outcome = tried;
    return true;
  };
  for (const kind of FAULT_KINDS) {
    if (!scenario.without.includes(kind)) await accept({ ...scenario, without: [...scenario.without, kind] });
  }
  for (let cut = Math.floor(scenario.steps / 2); cut > 0; ) {
    if (scenario.steps <= cut || !(await accept({ ...scenario, steps: scenario.steps - cut })))
      cut = Math.floor(cut / 2);
  }
  return { scenario, outcome };
}

/** How to run it again. */
export function commandOf({ seed, steps, without }: Required<Scenario>): string {
  const left = without.length > 0 ? ` --without ${without.join(',')}` : '';
  return `npm run simulate -- --seeds 1 --from ${seed} --steps ${steps}${left}`;
}
