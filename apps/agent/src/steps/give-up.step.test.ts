import { describe, expect, it } from 'vitest';
import { epoch } from '#libs/kernel';
import { giveUpAfterCrash } from './give-up.step.ts';
import type { OwnFacts } from './step-context.ts';

describe('a hand-over that is given up', () => {
  it('blames a crash only when no stop of ours took too long', () => {
    const facts = { abandonedHandOver: null, handOverRefused: null } as OwnFacts;
    giveUpAfterCrash(facts, epoch(4));
    expect(facts).toMatchObject({
      abandonedHandOver: 4,
      handOverRefused: 'PostgreSQL ended by itself, without its shutdown checkpoint',
    });
    const late = { abandonedHandOver: epoch(4), handOverRefused: 'it took too long' } as OwnFacts;
    giveUpAfterCrash(late, epoch(4));
    expect(late.handOverRefused).toBe('it took too long');
  });
});
