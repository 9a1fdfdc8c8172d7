/** What the page of proofs tells of mutation testing: whole files, or a sample of all mutants. */
import { compareText } from '../../base/order.ts';
import { type Row, table } from './markdown-table.ts';

/** What a mutation report (mutation-testing-report-schema) says of each file, as far as it is told here. */
export interface MutationReport {
  readonly files: Readonly<Record<string, { readonly mutants: readonly { readonly status: string }[] }>>;
}

/** What `npm run mutation -- --sample` found; shares are from 0 to 1, `low` and `high` bound the score with 95 %. */
export interface MutationSample {
  readonly day: string;
  /** Of the code and of the tests. */
  readonly commit: string;
  readonly count: number;
  readonly seed: number;
  readonly passes: readonly string[];
  readonly scores: readonly {
    readonly folder: string;
    readonly mutants: number;
    readonly killed: number;
    readonly timedOut: number;
    readonly survived: number;
    readonly noCoverage: number;
    readonly notCompiled: number;
    readonly notRun: number;
    readonly score: number;
    readonly low: number;
    readonly high: number;
    /** By pass, how many of those that the passes before it left. */
    readonly noticedBy: Readonly<Record<string, number>>;
  }[];
}

const INTRODUCTION = `## Mutation testing

Code is changed in one small way after the other; a mutant that no test notices survives, one that the compiler refuses does not
count. What survives is told in [gaps.md](gaps.md#mutation-testing).
`;

export function mutationSection(report: MutationReport | readonly MutationSample[]): string {
  return [INTRODUCTION, 'files' in report ? ofFiles(report) : report.map(ofSample).join('\n')].join('\n');
}

function ofFiles(report: MutationReport): string {
  const head = ['file', 'mutants', 'killed', 'survived', 'score'];
  const what = '`npm run mutation -- FILE...` ran the tests of the folder for all mutants of these files.\n';
  return [what, table(head, fileRows(report))].join('\n');
}

function ofSample({ day, commit, count, seed, passes, scores }: MutationSample): string {
  const head = [
    'folder',
    'mutants',
    'drawn',
    'not compiled',
    'not run',
    'noticed',
    'survived',
    'score',
    '95 % interval',
  ];
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const rows = scores.map((row): Row => {
    const [noticed, survived] = [row.killed + row.timedOut, row.survived + row.noCoverage];
    const drawn = noticed + survived + row.notCompiled + row.notRun;
    return [
      row.folder === 'all' ? 'all four' : `\`${row.folder}/\``,
      row.mutants,
      drawn,
      row.notCompiled,
      row.notRun,
      noticed,
      survived,
      percent(row.score),
      `${percent(row.low)} to ${percent(row.high)}`,
    ];
  });
  const { noticedBy = {} } = scores[0] ?? {};
  const noticed = Object.entries(noticedBy).map(([pass, mutants]) => `${pass} ${mutants}`);
  const what = `On ${day}, at \`${commit}\`, \`npm run mutation -- --sample=${count} --seed=${seed}\` drew ${count} of all mutants, each with the same chance, and ran these passes
one after the other on what was left: ${passes.join(', ')} (\`scripts/mutation-sample.mjs\` says which tests each has). Scores are of those that compile and were run.
Noticed by ${noticed.join(', ')}.\n`;
  return [what, table(head, rows)].join('\n');
}

function fileRows({ files }: MutationReport): Row[] {
  return Object.entries(files)
    .sort(([a], [b]) => compareText(a, b))
    .map(([file, { mutants }]) => {
      const count = (...statuses: readonly string[]) =>
        mutants.filter(({ status }) => statuses.includes(status)).length;
      // One that never ends was noticed; one that does not compile is none.
      const [killed, survived] = [count('Killed', 'Timeout'), count('Survived', 'NoCoverage')];
      const score = ((100 * killed) / Math.max(1, killed + survived)).toFixed(0);
      return [`\`${file}\``, killed + survived, killed, survived, `${score} %`];
    });
}
