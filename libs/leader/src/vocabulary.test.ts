import { expect, it } from 'vitest';
import { highestVocabularyLevel } from '#libs/cluster';
import { Feature, OWN_PROTOCOL } from '#libs/protocol';

it('every event, field and feature belongs to a level that this version speaks', () => {
  const levels = [highestVocabularyLevel(), ...Object.values(Feature)];
  expect(Math.max(...levels)).toBeLessThanOrEqual(OWN_PROTOCOL.protocolMax);
});
