import { type ExplainAnswer, refusalText } from '#libs/api';
import { bytesText } from '#libs/kernel';
import type { Terminal } from '../terminal.ts';

import { timeText } from './time-text.ts';
import { wrap } from './wrap.ts';

export function explainText(
  answer: ExplainAnswer,
  { columns, colors }: Pick<Terminal, 'columns' | 'colors'>,
): string {
  const lines = [`${colors.bold(`Cluster ${answer.cluster}`)}  ${answer.summary}`];
  for (const { name, goal, condition, problem, candidate } of answer.instances) {
    lines.push('', `${name}`);
    lines.push(`  should  ${wrap(goal, columns - 10, ' '.repeat(10))}`);
    lines.push(`  is      ${wrap(condition, columns - 10, ' '.repeat(10))}`);
    if (problem !== null) {
      lines.push(`  why     ${colors.red(wrap(problem, columns - 10, ' '.repeat(10)))}`);
    }
    if (candidate !== null) lines.push(...candidateLines(candidate, { columns, colors }));
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

type Candidate = NonNullable<ExplainAnswer['instances'][number]['candidate']>;

/** Whether it could take over if the primary were lost now, and each rule that stands against it. */
function candidateLines(
  candidate: Candidate,
  { columns, colors }: Pick<Terminal, 'columns' | 'colors'>,
): string[] {
  const { eligible, refusals, lagBytes, failoverPriority, zone, remarks } = candidate;
  const facts = [
    eligible ? colors.green('yes') : colors.red('no'),
    lagBytes === null ? null : `${bytesText(BigInt(lagBytes))} behind the primary`,
    `priority ${failoverPriority}`,
    zone === null ? null : `zone ${zone}`,
    ...remarks,
  ];
  const indent = ' '.repeat(10);
  return [
    `  next?   ${wrap(facts.filter((fact) => fact !== null).join(', '), columns - 10, indent)}`,
    ...refusals.map((refusal) => {
      const text = refusalText({ ...refusal, instance: null });
      return `${indent}${wrap(text, columns - 10, indent)}`;
    }),
  ];
}
