import { readFileSync } from 'node:fs';

export type Instruction = { readonly name: string; readonly text: string };

export type Stage = {
  readonly base: string;
  readonly name: string | null;
  readonly instructions: readonly Instruction[];
};

/** The stages of a Dockerfile, its continued lines joined and its comments left out. */
export function readDockerfile(path: string): readonly Stage[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
  const stages: { base: string; name: string | null; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name, text] = /^([A-Z]+)\s+(.+)$/.exec(line) ?? [];
    if (name === undefined || text === undefined) continue;
    if (name === 'FROM') {
      const [, base = '', stage = null] = /^(\S+)(?: AS (\S+))?$/.exec(text) ?? [];
      stages.push({ base, name: stage, instructions: [] });
    } else {
      stages.at(-1)?.instructions.push({ name, text });
    }
  }
  return stages;
}

/** The texts of all instructions of one name. */
export const all = (stage: Stage, name: string): readonly string[] =>
  stage.instructions.filter((each) => each.name === name).map(({ text }) => text);

/** The text of the one instruction of that name. */
export function only(stage: Stage, name: string): string {
  const [text, ...others] = all(stage, name);
  if (text === undefined || others.length > 0)
    throw new Error(`a stage needs one ${name}, it has ${1 + others.length}`);
  return text;
}

/** `A=1 B=2`, as ENV has it. */
export const environment = (stage: Stage): Readonly<Record<string, string>> =>
  Object.fromEntries(
    all(stage, 'ENV')
      .flatMap((text) => text.split(/\s+/))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
