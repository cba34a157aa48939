import type { RuleRefusal } from '#libs/cluster';
import { refusalHelp } from './refusal-help.ts';

/** Who refused, by which rule, with the value it saw and the limit it holds. */
export function refusalText(refusal: Omit<RuleRefusal, 'instance'> & { instance: string | null }) {
  const { instance, rule, value, limit } = refusal;
  const who = instance === null ? '' : `${instance}: `;
  const asked = limit === '' ? '' : `${/^\d/.test(limit) ? 'limit' : 'wanted:'} ${limit}`;
  const measured = [value, asked].filter((part) => part !== '');
  return `${who}${rule}${measured.length === 0 ? '' : ` (${measured.join(', ')})`}`;
}

/** The same with the way out, for whoever gave an order that was refused. */
export function refusalAdvice(refusal: Parameters<typeof refusalText>[0]): string {
  const help = refusalHelp(refusal.rule);
  return `${refusalText(refusal)}${help === null ? '' : `. What helps: ${help}`}`;
}
