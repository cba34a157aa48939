import pc from 'picocolors';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../api/api-client.ts';
import { FakeController } from '../testing/fake-controller.ts';
import { status } from '../testing/fixtures.ts';
import { type ChangeOptions, changePrimary } from './change-primary.ts';

const started: FakeController[] = [];

afterEach(async () => {
  for (const fake of started.splice(0)) await fake.stop();
});

/** Who gives the order has no certificate: an order that is given all the same is refused for that. */
async function ordered(options: ChangeOptions, answer: boolean | null) {
  const questions: string[] = [];
  const fake = await FakeController.start(() => ({ status: 200, body: status() }));
  started.push(fake);
  const nothing = (): void => undefined;
  const ask = async (question: string): Promise<boolean> => {
    questions.push(question);
    return answer === true;
  };
  const shape = { columns: 120, colors: pc.createColors(false), format: 'table' } as const;
  const streams = { interactive: false, line: nothing, note: nothing, transient: nothing };
  const terminal = { ...shape, ...streams, ask: answer === null ? null : ask };
  const client = async () => new ApiClient({ urls: [new URL(fake.url)], tls: null });
  const outcome = await changePrimary({ terminal, client }, 'failover', 'main', options).catch(
    (error: Error) => error.message,
  );
  return { questions, outcome };
}

describe('a failover', () => {
  it('is asked about where somebody is there, with what it ends and what the others lack', async () => {
    const { questions, outcome } = await ordered({ to: 'pg2' }, false);
    expect(questions).toEqual([
      'pg1 serves as the primary of main. A failover gives it up, with whatever it has not sent to the next one; ' +
        '`matriarch switchover main` loses nothing.\n' +
        'Behind it: pg2 0 B, pg3 0 B.\n' +
        'Fail main over to pg2?',
    ]);
    expect(outcome).toMatchObject({
      exitCode: 1,
      result: { ok: false, reason: 'not confirmed: nothing was ordered' },
    });
  });

  it.each([
    { given: 'yes', options: {}, answer: true, asked: 1 },
    { given: '--yes', options: { yes: true }, answer: false, asked: 0 },
    { given: 'no terminal', options: {}, answer: null, asked: 0 },
  ] as const)('is ordered with $given', async ({ options, answer, asked }) => {
    const { questions, outcome } = await ordered(options, answer);
    expect(questions).toHaveLength(asked);
    expect(outcome).toContain('needs an operator certificate');
  });
});
