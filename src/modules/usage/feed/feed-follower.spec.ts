import { describe, expect, it } from 'vitest';

import { FeedFollower } from './feed-follower.js';
import type { FeedPosition } from './feed-position.js';
import { type FeedPage, type FeedQuery, type FeedRecord, UsageFeed } from './usage-feed.port.js';

const KEY = { organizationId: 'org_1', keyId: 'key_1' };
const OTHER = { organizationId: 'org_1', keyId: 'key_2' };

function record(id: string): FeedRecord {
  return { ...KEY, id } as FeedRecord;
}

class ScriptedFeed extends UsageFeed {
  readonly asked: FeedQuery[] = [];
  constructor(private readonly pages: (FeedPage | Error)[]) {
    super();
  }
  override now(): Promise<FeedPosition> {
    return Promise.resolve('1:1:');
  }
  override page(query: FeedQuery): Promise<FeedPage> {
    this.asked.push(query);
    const page = this.pages.shift() ?? new Error('There is no more.');
    return page instanceof Error ? Promise.reject(page) : Promise.resolve(page);
  }
}

describe('a follower of the feed', () => {
  it('goes on from where the last stretch ended', async () => {
    const feed = new ScriptedFeed([
      { records: [record('a')], until: '5:5:', next: null },
      { records: [], until: '7:7:', next: null },
    ]);
    const follower = new FeedFollower(feed, '1:1:');
    expect(await follower.next([KEY])).toEqual({
      records: [record('a')],
      since: '1:1:',
      upTo: '5:5:',
      isGap: false,
    });
    expect(follower.position).toBe('5:5:');
    expect(await follower.next([OTHER])).toMatchObject({ since: '5:5:', upTo: '7:7:' });
    expect(feed.asked).toEqual([
      { since: '1:1:', until: null, after: null, keys: [KEY] },
      { since: '5:5:', until: null, after: null, keys: [OTHER] },
    ]);
  });

  it('keeps the end and the keys of a stretch over its pages, also when one fails', async () => {
    const feed = new ScriptedFeed([
      { records: [record('a')], until: '5:5:', next: '3' },
      new Error('PostgreSQL is away.'),
      { records: [], until: '5:5:', next: '4' },
      { records: [], until: '5:5:', next: null },
    ]);
    const follower = new FeedFollower(feed, '1:1:');
    expect(await follower.next([KEY])).toMatchObject({ upTo: null });
    expect(follower.isBetweenStretches).toBe(false);
    await expect(follower.next([OTHER])).rejects.toThrow('away');
    expect(follower.position).toBe('1:1:');
    expect(await follower.next([OTHER])).toMatchObject({ since: '1:1:', upTo: null });
    expect(await follower.next([OTHER])).toMatchObject({ since: '1:1:', upTo: '5:5:' });
    expect(follower.isBetweenStretches).toBe(true);
    const behindA = { since: '1:1:', until: '5:5:', after: '3', keys: [KEY] };
    expect(feed.asked.slice(1)).toEqual([behindA, behindA, { ...behindA, after: '4' }]);
  });

  it('ends where it is told to', async () => {
    const feed = new ScriptedFeed([{ records: [], until: '3:3:', next: null }]);
    await new FeedFollower(feed, '1:1:').next([KEY], '3:3:');
    expect(feed.asked[0]?.until).toBe('3:3:');
  });

  it('says so when the server was set back, and goes on from there', async () => {
    const feed = new ScriptedFeed([{ records: [], until: '4:4:', next: null }]);
    const follower = new FeedFollower(feed, '9:9:');
    expect(await follower.next([KEY])).toMatchObject({ isGap: true });
    expect(follower.position).toBe('4:4:');
  });
});
