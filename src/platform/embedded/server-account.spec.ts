import { describe, expect, it } from 'vitest';

import { parsePasswd } from './server-account.js';

describe('parsePasswd', () => {
  it('reads users with their ids, and never offers one with the rights of root', () => {
    const users = parsePasswd(
      'root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\n' +
        'postgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\nbroken:x::\n\n' +
        'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
    );
    expect([...users]).toEqual([
      ['postgres', { name: 'postgres', uid: 101, gid: 104 }],
      ['nobody', { name: 'nobody', uid: 65_534, gid: 65_534 }],
    ]);
  });
});
