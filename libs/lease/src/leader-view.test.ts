import { describe, expect, it } from 'vitest';
import { LeaderView } from './leader-view.ts';

type Word = readonly [name: string | null, term: number, by?: string];

describe('who leads, from what controllers say', () => {
  it.each<{ what: string; words: Word[]; leader: string | null; news: boolean }>([
    { what: 'the first word', words: [['c1', 3]], leader: 'c1', news: true },
    {
      what: 'the same from another',
      words: [
        ['c1', 3],
        ['c1', 3],
      ],
      leader: 'c1',
      news: false,
    },
    {
      what: 'an older term',
      words: [
        ['c2', 4],
        ['c1', 3],
      ],
      leader: 'c2',
      news: false,
    },
    {
      what: 'a later term',
      words: [
        ['c1', 3],
        ['c2', 4],
      ],
      leader: 'c2',
      news: true,
    },
    {
      what: 'the same one again',
      words: [
        ['c1', 3],
        ['c1', 5],
      ],
      leader: 'c1',
      news: true,
    },
    {
      what: 'one that does not know yet',
      words: [
        ['c1', 3],
        [null, 3],
      ],
      leader: 'c1',
      news: false,
    },
    {
      what: 'a candidate of a later term that nobody may ever hear of again',
      words: [
        ['c1', 3],
        [null, 4],
      ],
      leader: 'c1',
      news: false,
    },
    {
      what: 'one named after such a candidate had spoken',
      words: [
        [null, 4],
        ['c1', 3],
      ],
      leader: 'c1',
      news: true,
    },
    {
      what: 'its own word that it leads no more',
      words: [
        ['c1', 3, 'c1'],
        [null, 3, 'c1'],
      ],
      leader: null,
      news: false,
    },
    {
      what: 'its own word of a later term, in which it follows',
      words: [
        ['c1', 3],
        [null, 4, 'c1'],
      ],
      leader: null,
      news: false,
    },
    {
      what: 'its own word that it does not serve yet',
      words: [
        ['c1', 3],
        [null, 3, 'c1'],
      ],
      leader: 'c1',
      news: false,
    },
    {
      what: 'its name after its own word against it, by one that has not heard of that yet',
      words: [
        ['c1', 3, 'c1'],
        [null, 4, 'c1'],
        ['c1', 3],
      ],
      leader: 'c1',
      news: true,
    },
    {
      what: 'its own word after that of others: it serves only now',
      words: [
        ['c1', 3],
        ['c1', 3, 'c1'],
      ],
      leader: 'c1',
      news: true,
    },
    {
      what: 'its own word once more',
      words: [
        ['c1', 3, 'c1'],
        ['c1', 3],
        ['c1', 3, 'c1'],
      ],
      leader: 'c1',
      news: false,
    },
  ])('$what: $leader, news $news', ({ words, leader, news }) => {
    const view = new LeaderView();
    const told = words.map(([name, term, by = 'c9']) => view.told(name, term, by));
    expect(view.name).toBe(leader);
    expect(told.at(-1)).toBe(news);
  });
});
