import { optionKeys, optionsHelp, readOptions } from '@tidemark/runtime';

const PREFIX = 'TIDEMARK_';

/** What is wrong with the settings in an environment: names that are none, values that can't be read. */
export function settingProblems(environment: Readonly<Record<string, string>>): readonly string[] {
  const known = new Set(optionsHelp().map(({ env }) => env));
  const own = Object.entries(environment).filter(([name]) => name.startsWith(PREFIX));
  const unknown = own.filter(([name]) => !known.has(name)).map(([name]) => `${name} is no setting`);
  if (unknown.length > 0) return unknown;
  try {
    readOptions([...optionKeys], { env: Object.fromEntries(own) });
    return [];
  } catch (error) {
    return [String(error)];
  }
}
