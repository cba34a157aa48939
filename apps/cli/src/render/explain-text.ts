import { type ExplainAnswer, refusalText } from '#libs/api';
import type { Terminal } from '../terminal.ts';
import { wrap } from './columns.ts';
import { timeText } from './time-text.ts';

export function explainText(
  answer: ExplainAnswer,
  { columns, colors }: Pick<Terminal, 'columns' | 'colors'>,
): string {
  const lines = [`${colors.bold(`Cluster ${answer.cluster}`)}  ${answer.summary}`];
  for (const { name, goal, condition, problem } of answer.instances) {
    lines.push('', `${name}`);
    lines.push(`  should  ${wrap(goal, columns - 10, ' '.repeat(10))}`);
    lines.push(`  is      ${wrap(condition, columns - 10, ' '.repeat(10))}`);
    if (problem !== null) {
      lines.push(`  why     ${colors.red(wrap(problem, columns - 10, ' '.repeat(10)))}`);
    }
  }
  const { lastRefusal } = answer;
  if (lastRefusal !== null) {
    lines.push('', `${lastRefusal.action} was refused last at ${timeText(lastRefusal.at)} UTC:`);
    lines.push(
      ...lastRefusal.refusals.map(
        (refusal) => `  ${wrap(refusalText(refusal), columns - 4, '    ')}`,
      ),
    );
  }
  return lines.join('\n');
}
