import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Ancestor, isSomebodyElse, type Party } from './four-eyes.js';

const ANN = 'user_ann';
const BEN = 'user_ben';

function key(id: string, createdBy: string | null, ownerId: string | null = null): Ancestor {
  return { id: `key_${id}`, createdBy, ownerId };
}
/** Somebody who calls with the first of these keys, each made by the next. */
function withKeys(...line: readonly Ancestor[]): Party {
  const [own] = line;
  return { id: own?.id ?? '', userId: own?.ownerId ?? null, line };
}
function session(id: string): Party {
  return { id, userId: id, line: [] };
}

const MASTER = key('master', null);
const ASKER = key('asker', 'key_master');

describe('isSomebodyElse', () => {
  it.each<[string, Party, Party, boolean]>([
    ['the key itself', withKeys(ASKER, MASTER), withKeys(ASKER, MASTER), false],
    ['a key that it made', withKeys(key('a', 'key_asker'), ASKER), withKeys(ASKER), false],
    [
      'a key that such a key made',
      withKeys(key('b', 'key_a'), key('a', 'key_asker'), ASKER),
      withKeys(ASKER),
      false,
    ],
    ['the master key that made it', withKeys(MASTER), withKeys(ASKER, MASTER), true],
    ['another key of its maker', withKeys(key('a', 'key_master'), MASTER), withKeys(ASKER), true],
    ['their session', session(ANN), session(ANN), false],
    ['another’s session', session(BEN), session(ANN), true],
    ['the session of a key’s owner', session(ANN), withKeys(key('a', 'key_master', ANN)), false],
    ['the session that made a key', session(ANN), withKeys(key('a', ANN)), false],
    ['another key that the session made', withKeys(key('b', ANN)), withKeys(key('a', ANN)), false],
    ['a key of theirs', withKeys(key('a', 'key_master', ANN), MASTER), session(ANN), false],
    ['a key that their session made', withKeys(key('a', ANN)), session(ANN), false],
    [
      'a key that one made which they own',
      withKeys(key('b', 'key_a'), key('a', 'key_master', ANN)),
      session(ANN),
      false,
    ],
    ['a key that they made for another', withKeys(key('a', ANN, BEN)), session(ANN), false],
    ['that other’s session', session(BEN), session(ANN), true],
    ['who made a key for another', session(ANN), withKeys(key('a', ANN, BEN)), true],
    ['another’s key', withKeys(key('a', 'key_master', BEN), MASTER), session(ANN), true],
  ])('%s', (_, approver, party, isOther) => {
    expect(isSomebodyElse(approver, party)).toBe(isOther);
  });

  it('is never true of a line that the requester began, however long and whoever owns its keys', () => {
    const anyOwner = fc.constantFrom(null, ANN, BEN, 'user_cid');
    fc.assert(
      fc.property(
        fc.array(anyOwner, { maxLength: 6 }),
        fc.array(anyOwner, { minLength: 1, maxLength: 4 }),
        (below, above) => {
          const owners = [...below, ...above];
          const line = owners.map((owner, at) =>
            key(String(at), at + 1 < owners.length ? `key_${at + 1}` : null, owner),
          );
          const requester = withKeys(...line.slice(below.length));
          return !isSomebodyElse(withKeys(...line), requester);
        },
      ),
    );
  });
});
