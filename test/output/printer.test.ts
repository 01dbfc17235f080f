import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../src/core/model/json.js';
import { FORMATS, type View } from '../../src/output/view.js';
import { printing, type Thing, things } from './capture.js';

const on: Thing = { id: 'd1', online: true, seen: 0 };
const off: Thing = { id: 'device-2', online: false, seen: null, state: parseJson('{"t":1.10,"u":"\u007f"}') };

async function* many(count: number, onReturn?: () => void): AsyncGenerator<Thing> {
  try {
    for (let i = 0; i < count; i += 1) yield { ...on, id: `d${i}` };
  } finally {
    onReturn?.();
  }
}

async function* broken(count: number): AsyncGenerator<Thing> {
  yield* many(count);
  throw new Error('broke off');
}

describe('list', () => {
  it.each([
    ['table', 'DEVICE     STATUS\nd1         online\ndevice-2   offline\n'],
    [
      'wide',
      'DEVICE     STATUS    LAST-SEEN\nd1         online    1970-01-01T00:00:00.000Z\ndevice-2   offline   never\n',
    ],
    [
      'json',
      '[\n  {"id":"d1","online":true,"seen":0,"state":null},\n  {"id":"device-2","online":false,"seen":null,"state":{"t":1.10,"u":"\\u007f"}}\n]\n',
    ],
    [
      'ndjson',
      '{"id":"d1","online":true,"seen":0,"state":null}\n{"id":"device-2","online":false,"seen":null,"state":{"t":1.10,"u":"\\u007f"}}\n',
    ],
    [
      'yaml',
      '- id: d1\n  online: true\n  seen: 0\n  state: null\n' +
        '- id: device-2\n  online: false\n  seen: null\n  state:\n    t: 1.10\n    u: "\\u007f"\n',
    ],
    ['csv', 'id,online,seen,state\nd1,true,0,\ndevice-2,false,,"{""t"":1.10,""u"":""\\u007f""}"\n'],
    ['name', 'd1\ndevice-2\n'],
  ] as const)('as %s', async (format, text) => {
    const { print, stdout, stderr } = printing({ format });
    expect(await print.list(things, [on, off])).toBe(2);
    expect(stdout.text).toBe(text);
    expect(stderr.text).toBe('');
    expect(print.isJson).toBe(format.endsWith('json'));
    expect(print.isHumanReadable).toBe(format === 'table' || format === 'wide');
  });

  it('as name escapes invisible and bidi characters on a terminal, and keeps them in a pipe', async () => {
    const rows = [{ ...on, id: 'a\u202eb\u200bc\u001b' }];
    const terminal = printing({ format: 'name', isTerminal: true });
    await terminal.print.list(things, rows);
    expect(terminal.stdout.text).toBe('a\\u202eb\\u200bc\\u001b\n');
    const pipe = printing({ format: 'name' });
    await pipe.print.list(things, rows);
    expect(pipe.stdout.text).toBe('a\u202eb\u200bc\\u001b\n');
  });

  it.each([
    ['table', '', 'no things\n'],
    ['wide', '', 'no things\n'],
    ['name', '', 'no things\n'],
    ['json', '[]\n', ''],
    ['ndjson', '', ''],
    ['yaml', '[]\n', 'no things\n'],
    ['csv', '', 'no things\n'],
  ] as const)('empty as %s', async (format, out, err) => {
    const { print, stdout, stderr } = printing({ format });
    expect(await print.list(things, [])).toBe(0);
    expect([stdout.text, stderr.text]).toEqual([out, err]);
  });

  it('prints no notice for an empty list with quiet', async () => {
    const { print, stderr } = printing({ quiet: true });
    await print.list(things, []);
    expect(stderr.text).toBe('');
  });

  it.each(FORMATS)('as %s prints the rows before a failure, closes the list, and rejects', async (format) => {
    const { print, stdout, stderr } = printing({ format });
    await expect(print.list(things, broken(3))).rejects.toThrow('broke off');
    expect(stdout.text).toContain('d2');
    if (format === 'json') expect(JSON.parse(stdout.text)).toHaveLength(3);
    expect(stderr.text).toBe('');
  });

  it('is valid JSON if reading fails at the first row, or formatting a row fails', async () => {
    const first = printing({ format: 'json' });
    await expect(first.print.list(things, broken(0))).rejects.toThrow();
    expect(first.stdout.text).toBe('[]\n');
    const within = printing({ format: 'json' });
    const fragile: View<Thing> = {
      ...things,
      json: (row) => {
        if (row === off) throw new Error('bad record');
        return things.json(row);
      },
    };
    await expect(within.print.list(fragile, [on, off])).rejects.toThrow('bad record');
    expect(JSON.parse(within.stdout.text)).toHaveLength(1);
  });

  it('writes the first row before the last is read', async () => {
    const { print, stdout } = printing({ format: 'ndjson' });
    let release = () => {};
    async function* slow(): AsyncGenerator<Thing> {
      yield on;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      yield off;
    }
    const listed = print.list(things, slow());
    await turn();
    await turn();
    expect(stdout.text).toContain('"d1"');
    expect(stdout.text).not.toContain('device-2');
    release();
    expect(await listed).toBe(2);
  });

  it('collects small rows into few writes', async () => {
    const { print, stdout } = printing({ format: 'ndjson' });
    await print.list(things, many(10_000));
    expect(stdout.text.split('\n')).toHaveLength(10_001);
    expect(stdout.writes).toBeLessThan(50);
  });

  it('stops reading rows without an error when stdout is closed', async () => {
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const { print } = printing({ format: 'ndjson', stdout });
    let returned = false;
    const count = await print.list(
      things,
      many(1_000_000, () => {
        returned = true;
      }),
    );
    expect(count).toBeLessThan(2000);
    expect(returned).toBe(true);
  });
});

describe('stream', () => {
  it('writes each row before it waits for the next, json as ndjson', async () => {
    for (const format of FORMATS) {
      const { print, stdout } = printing({ format });
      const seen: string[] = [];
      async function* rows(): AsyncGenerator<Thing> {
        yield on;
        await turn();
        seen.push(stdout.text);
        yield off;
        await turn();
        seen.push(stdout.text);
      }
      expect(await print.stream(things, rows())).toBe(2);
      expect(seen[0]).toContain('d1');
      expect(seen[1]).toContain('device-2');
      if (format === 'json') expect(stdout.text).toMatch(/^\{.*\}\n\{.*\}\n$/);
      if (format === 'table') expect(stdout.text.match(/DEVICE/g)).toHaveLength(1);
      if (format === 'csv') expect(stdout.text.match(/id,/g)).toHaveLength(1);
      if (format === 'yaml') expect(stdout.text.match(/^---$/gm)).toHaveLength(2);
    }
  });
});

describe('one', () => {
  const sheet: View<Thing> = {
    ...things,
    sheet: ({ id }) => [
      ['DEVICE', id],
      ['STATUS', 'online', 'good'],
      ['STATE', ['{', '  "a": "\u009b"', '}']],
      ['SEEN', 'nev\ner'],
    ],
  };
  const action: View<Thing> = { ...things, line: ({ id }) => `${id}\n registered` };

  it.each([
    ['a line', action, 'd1\\n registered\n'],
    [
      'a sheet',
      sheet,
      [
        'FIELD    VALUE',
        'DEVICE   d1',
        'STATUS   online',
        'STATE    {',
        '           "a": "\\u009b"',
        '         }',
        'SEEN     nev\\ner',
        '',
      ].join('\n'),
    ],
    ['a table of one row', things, 'DEVICE   STATUS\nd1       online\n'],
  ])('as %s', async (_name, view, text) => {
    const { print, stdout } = printing();
    await print.one(view, on);
    expect(stdout.text).toBe(text);
  });

  it('as JSON is an indented document whose numbers keep their digits', async () => {
    const { print, stdout } = printing({ format: 'json' });
    await print.one(sheet, off);
    expect(stdout.text).toBe(
      '{\n  "id": "device-2",\n  "online": false,\n  "seen": null,\n  "state": {\n    "t": 1.10,\n    "u": "\\u007f"\n  }\n}\n',
    );
  });

  it('as YAML is a mapping and as CSV a row, with a sheet, a line or columns', async () => {
    for (const view of [sheet, action, things]) {
      const yaml = printing({ format: 'yaml' });
      await yaml.print.one(view, off);
      expect(yaml.stdout.text).toBe(
        'id: device-2\nonline: false\nseen: null\nstate:\n  t: 1.10\n  u: "\\u007f"\n',
      );
      const csv = printing({ format: 'csv', headers: false });
      await csv.print.one(view, off);
      expect(csv.stdout.text).toBe('device-2,false,,"{""t"":1.10,""u"":""\\u007f""}"\n');
    }
  });

  it('as ndjson and name is a line', async () => {
    const compact = printing({ format: 'ndjson' });
    await compact.print.one(action, on);
    expect(compact.stdout.text).toBe('{"id":"d1","online":true,"seen":0,"state":null}\n');
    const name = printing({ format: 'name' });
    await name.print.one(action, on);
    expect(name.stdout.text).toBe('d1\n');
  });

  it('prints a sheet of 200,000 lines', async () => {
    const { print, stdout } = printing();
    await print.one({ ...things, sheet: () => [['STATE', Array(200_000).fill('x')]] }, on);
    expect(stdout.text.length).toBeGreaterThan(1_000_000);
  });
});

describe('--fields', () => {
  it('are the keys in JSON and the headers of a table', async () => {
    const json = printing({ format: 'ndjson', fields: ['state.t', 'id'] });
    await json.print.list(things, [on, off]);
    expect(json.stdout.text).toBe('{"state.t":null,"id":"d1"}\n{"state.t":1.10,"id":"device-2"}\n');
    const human = printing({ fields: ['state.t', 'id'] });
    await human.print.list(things, [on, off]);
    expect(human.stdout.text).toBe('STATE.T   ID\n-         d1\n1.10      device-2\n');
    const yaml = printing({ format: 'yaml', fields: ['state.t', 'id'] });
    await yaml.print.list(things, [on, off]);
    expect(yaml.stdout.text).toBe('- state.t: null\n  id: d1\n- state.t: 1.10\n  id: device-2\n');
    const csv = printing({ format: 'csv', fields: ['state.t', 'id'] });
    await csv.print.list(things, [on, off]);
    expect(csv.stdout.text).toBe('state.t,id\n,d1\n1.10,device-2\n');
    const single = printing({ fields: ['id'] });
    await single.print.one({ ...things, line: () => 'line' }, on);
    expect(single.stdout.text).toBe('ID\nd1\n');
  });

  it.each(FORMATS)('refuses an unknown name as %s before a row is read', async (format) => {
    const { print, stdout } = printing({ format, fields: ['nope'] });
    const view: View<Thing> = { ...things, line: () => 'line' };
    let read = false;
    const rows = many(1, () => {
      read = true;
    });
    const refusal = expect.objectContaining({ code: 'USAGE' });
    expect(() => print.check(view)).toThrowError(refusal);
    await expect(print.list(view, rows)).rejects.toEqual(refusal);
    await expect(print.stream(view, rows)).rejects.toEqual(refusal);
    await expect(print.one(view, on)).rejects.toEqual(refusal);
    expect([stdout.text, read]).toEqual(['', false]);
  });
});
