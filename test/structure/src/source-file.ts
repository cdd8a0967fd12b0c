import { type Program, parseSync } from 'oxc-parser';

export type Import = {
  readonly specifier: string;
  /** The names taken from it; empty for `import 'x'`, `import()` and a namespace. */
  readonly names: readonly string[];
};

/** One parsed TypeScript file. */
export class SourceFile {
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  readonly imports: readonly Import[];
  /** Modules of which everything is exported, without a name for it. */
  readonly exportsAllOf: readonly string[];

  constructor(path: string, text: string) {
    const { program, module, errors } = parseSync(path, text);
    const [error] = errors;
    if (error) throw new Error(`${path} can't be parsed: ${error.message}`);
    this.path = path;
    this.text = text;
    this.program = program;
    const reexports = module.staticExports.flatMap(({ entries }) => entries);
    this.imports = [
      ...module.staticImports.map(({ moduleRequest, entries }) => ({
        specifier: moduleRequest.value,
        names: entries.flatMap(({ importName }) => importName.name ?? []),
      })),
      ...reexports.flatMap(({ moduleRequest, importName }) =>
        moduleRequest ? [{ specifier: moduleRequest.value, names: importName.name ? [importName.name] : [] }] : [],
      ),
      ...module.dynamicImports.flatMap(({ moduleRequest }) => {
        const literal = /^(['"`])(.*)\1$/s.exec(text.slice(moduleRequest.start, moduleRequest.end));
        return literal?.[2] === undefined ? [] : [{ specifier: literal[2], names: [] }];
      }),
    ];
    this.exportsAllOf = reexports.flatMap(({ moduleRequest, importName, exportName }) =>
      moduleRequest && importName.name === null && exportName.name === null ? [moduleRequest.value] : [],
    );
  }

  /** True for tests and for what only tests use. */
  get isTest(): boolean {
    return this.path.startsWith('test/') || this.path.endsWith('.test.ts') || this.path.includes('/testing/');
  }

  lineOf(offset: number): number {
    return this.text.slice(0, offset).split('\n').length;
  }
}
