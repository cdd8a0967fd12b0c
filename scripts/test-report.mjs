import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * What one package's vitest run came to. `failures` and `skips` are named `package › file › test`; a failure says how,
 * too: where only the end of a run's output is kept, nothing else does.
 *
 * @typedef {{ passed: number, failures: string[], skips: string[] }} Result
 */

/** Reads a package's report. A report that is not there, or can't be read, is a failure: its runner died. */
export function readReport(root, { name, folder }, report = 'vitest.json') {
  const file = join(root, folder, 'reports', report);
  if (!existsSync(file)) return failed(`${name} › no report: its tests did not run to the end`);
  try {
    return summarise(JSON.parse(readFileSync(file, 'utf8')), name, (path) => relative(join(root, folder), path));
  } catch (error) {
    return failed(`${name} › its report can't be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** Sums up a report in vitest's JSON format. */
export function summarise(report, name, shorten = (path) => path) {
  const result = { passed: 0, failures: [], skips: [] };
  for (const file of report.testResults) {
    const inFile = `${name} › ${shorten(file.name)}`;
    let failedHere = 0;
    for (const { status, fullName, failureMessages = [] } of file.assertionResults) {
      if (status === 'passed') result.passed++;
      else if (status === 'failed')
        failedHere = result.failures.push(`${inFile} › ${fullName}: ${firstLine(failureMessages[0])}`);
      else result.skips.push(`${inFile} › ${fullName}`);
    }
    // Broken before or after its tests: an import, a hook. Vitest counts no test as failed then.
    if (file.status === 'failed' && failedHere === 0)
      result.failures.push(`${inFile} › the file itself: ${firstLine(file.message)}`);
  }
  if (report.testResults.length === 0) result.failures.push(`${name} › no test files`);
  return result;
}

/** A runner's exit code that its report does not explain: an error outside of any test, or a crash after the report. */
export function withExitCode(result, name, exitCode) {
  if (exitCode === 0 || result.failures.length > 0) return result;
  return { ...result, failures: [`${name} › its runner ended with ${exitCode}, though no test failed`] };
}

/**
 * The skips that nobody gave a reason for. `reasons` maps the beginning of a skip's name to why it may be skipped; one
 * without a reason counts for nothing.
 */
export function unexplained(skips, reasons) {
  const explained = Object.entries(reasons).filter(([, reason]) => typeof reason === 'string' && reason.length > 0);
  return skips.filter((skip) => !explained.some(([beginning]) => skip.startsWith(beginning)));
}

/** The last line of every run. */
export function totalLine({ passed, failures, skips }) {
  const line = `${passed} passed, ${failures.length} failed`;
  return skips.length === 0 ? line : `${line}, ${skips.length} skipped`;
}

export const merge = (results) => ({
  passed: results.reduce((sum, { passed }) => sum + passed, 0),
  failures: results.flatMap(({ failures }) => failures),
  skips: results.flatMap(({ skips }) => skips),
});

const failed = (what) => ({ passed: 0, failures: [what], skips: [] });

const firstLine = (text) => String(text ?? '').split('\n', 1)[0];
