/**
 * Counts the classes of cases that random tests have met, so that a generator which stops making one fails the test
 * instead of hollowing it out.
 */
export class Coverage<Class extends string> {
  readonly #counts: Map<Class, number>;

  constructor(classes: readonly Class[]) {
    this.#counts = new Map(classes.map((name) => [name, 0]));
  }

  met(name: Class, when = true): void {
    if (when) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Classes that never occurred. */
  missed(): readonly Class[] {
    return [...this.#counts].flatMap(([name, times]) => (times === 0 ? [name] : []));
  }

  toString(): string {
    return [...this.#counts].map(([name, times]) => `${name}: ${times}`).join(', ');
  }
}
