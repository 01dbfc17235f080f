import { describe, expect, test } from 'vitest';
import { Keyspace } from '../../../src/core/model/keyspace.js';
import { ODD_IDS } from '../../support/fleet.js';

const built = (keys: Keyspace, id: string) => ({
  state: keys.state(id),
  heartbeat: keys.heartbeat(id),
  type: keys.type('lamp'),
  reported: keys.history('reported', id),
  desired: keys.history('desired', id),
  presence: keys.history('presence', id),
  commands: keys.commandsChannel(id),
  registered: keys.registered,
  online: keys.online,
  types: keys.types,
  activity: keys.activity,
  log: keys.log,
  pulse: keys.pulse,
  meta: keys.meta,
  channel: keys.presenceChannel,
});

describe('the keys and channels', () => {
  test.each(ODD_IDS)('of %s are those of the key table', (id) => {
    expect(built(new Keyspace(), id)).toEqual({
      state: `device:state:${id}`,
      heartbeat: `device:heartbeat:${id}`,
      type: 'devices:type:lamp',
      reported: `device:history:reported:${id}`,
      desired: `device:history:desired:${id}`,
      presence: `device:history:presence:${id}`,
      commands: `device:${id}:commands`,
      registered: 'devices:registered',
      online: 'devices:online',
      types: 'devices:types',
      activity: 'devices:activity',
      log: 'devices:presence:log',
      pulse: 'devices:pulse',
      meta: 'devices:meta',
      channel: 'devices:presence',
    });
  });

  test('begin with the namespace', () => {
    const plain = Object.values(built(new Keyspace(), 'x'));
    expect(Object.values(built(new Keyspace('acme'), 'x'))).toEqual(plain.map((key) => `acme:${key}`));
  });
});
