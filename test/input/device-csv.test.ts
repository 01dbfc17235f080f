import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DevstateError } from '../../src/core/model/errors.js';
import { toJson } from '../../src/core/model/json.js';
import { csvRows } from '../../src/input/device-csv.js';

async function* chunks(...parts: (Buffer | string)[]): AsyncGenerator<Buffer | string> {
  yield* parts;
}

const notices: string[] = [];

/** Each row's line number with its object or its error. */
async function rowsOf(...parts: (Buffer | string)[]): Promise<[line: number, text: string][]> {
  const found: [number, string][] = [];
  for await (const rows of csvRows(chunks(...parts))) {
    for (const { line, read } of rows)
      found.push([line, textOf(() => read((notice) => notices.push(notice)))]);
  }
  return found;
}

function textOf(read: () => unknown): string {
  try {
    return toJson(read());
  } catch (error) {
    if (error instanceof DevstateError) return error.message;
    throw error;
  }
}

const HEADER = 'deviceId,deviceType,metadata,heartbeatTtl';
const BAD_QUOTE = 'bad CSV: a quote inside a cell; put the cell in quotes and double the quote';

describe('a row', () => {
  it.each<[what: string, row: string, says: string]>([
    [
      'all there is',
      'd1,lamp,"{""n"":0.10,""big"":12345678901234567890}",5000',
      '{"deviceId":"d1","deviceType":"lamp","metadata":{"n":0.10,"big":12345678901234567890},"heartbeatTtl":5000}',
    ],
    ['empty cells', 'd1,,,', '{"deviceId":"d1"}'],
    [
      'quoted: comma, quote, line break',
      '"a,""b\nc",lamp,,',
      '{"deviceId":"a,\\"b\\nc","deviceType":"lamp"}',
    ],
    ['blanks are kept', ' d1 ,lamp,,', '{"deviceId":" d1 ","deviceType":"lamp"}'],
    ['other scripts', '温度-1,lampé,,', '{"deviceId":"温度-1","deviceType":"lampé"}'],
    ['no JSON', 'd1,lamp,{n:1},', "bad JSON: Quoted object key expected but got 'n' at position 1"],
    ['no number', 'd1,lamp,,5s', 'heartbeatTtl must be a number of milliseconds, not "5s"'],
    ['a negative number', 'd1,lamp,,-5', 'heartbeatTtl must be a number of milliseconds, not "-5"'],
    ['too few cells', 'd1,lamp', 'bad CSV: the row has another number of cells (2) than the header (4)'],
    ['too many cells', 'd1,lamp,,,,', 'bad CSV: the row has another number of cells (6) than the header (4)'],
    ['a quote within', 'd1,la"mp,,', BAD_QUOTE],
    ['quotes that end early', 'd1,"la"m"p",,', BAD_QUOTE],
    ['quotes that end early, and no more', 'd1,"la"mp,,', BAD_QUOTE],
    ['quotes that begin late', 'd1, "lamp",,', BAD_QUOTE],
    ['a quote that does not end', 'd1,"lamp,,', 'bad CSV: a quote after line 1 is never closed'],
  ])('%s', async (_what, row, says) => {
    const line = 2 + (row.match(/\n/g)?.length ?? 0);
    expect(await rowsOf(`${HEADER}\n${row}`)).toEqual([[line, says]]);
    if (says.includes('never')) return;
    // As the only row and among others, with LF and with CRLF.
    expect(await rowsOf(`${HEADER}\r\nd0,t,,\r\n${row}\r\n\r\nd2,t,,\r\n`)).toEqual([
      [2, '{"deviceId":"d0","deviceType":"t"}'],
      [line + 1, says],
      [line + 3, '{"deviceId":"d2","deviceType":"t"}'],
    ]);
  });

  it('that is not UTF-8 does not affect other rows', async () => {
    expect(await rowsOf(`${HEADER}\nd0,t,,\nd`, Buffer.from([0xff]), ',t,,\nd2,t,,\n')).toEqual([
      [2, '{"deviceId":"d0","deviceType":"t"}'],
      [3, 'the line is not valid UTF-8'],
      [4, '{"deviceId":"d2","deviceType":"t"}'],
    ]);
  });

  it('prints a notice for duplicate keys', async () => {
    notices.length = 0;
    await rowsOf('deviceId,metadata\nd1,"{""a"":1,""a"":2}"');
    expect(notices).toEqual(['duplicate key "a": the last one wins']);
  });
});

describe('the header', () => {
  it.each([
    'deviceId,deviceType\nd1,lamp',
    '\ufeffdeviceId,deviceType\nd1,lamp',
    '\ufeff"deviceId","deviceType"\n"d1","lamp"',
    ' deviceId , deviceType \nd1,lamp\n',
    '\r\n\ndeviceType,deviceId\nlamp,d1\n',
    'deviceId,deviceType\r\nd1,lamp\nd2,lamp\r\n',
  ])('%j', async (text) => {
    const [[, row = ''] = []] = await rowsOf(text);
    expect(JSON.parse(row)).toEqual({ deviceId: 'd1', deviceType: 'lamp' });
  });

  it.each([
    ['deviceId,colour\nd1,red', 'unknown column "colour"'],
    ['deviceId;deviceType\nd1;lamp', 'unknown column "deviceId;deviceType"'],
    ['d1,lamp', 'unknown column "d1"'],
    ['deviceId,deviceType,deviceId\nd1,lamp,d2', 'two columns "deviceId"'],
  ])('%j is refused as a whole', async (text, message) => {
    const hint = 'the first line names them: deviceId,deviceType,metadata,heartbeatTtl';
    await expect(rowsOf(text)).rejects.toMatchObject({ code: 'USAGE', message, hint });
  });

  it.each(['', '\n', '\ufeff', 'deviceId,deviceType\n'])(
    'without rows, or an empty file: %j',
    async (text) => {
      expect(await rowsOf(text)).toEqual([]);
    },
  );
});

it('rows do not depend on how the bytes are split into chunks', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '温', ',', '"', '\n', ' ') }).map((text) => `x${text}`);
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell)),
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom('', '\ufeff'),
      fc.constantFrom('\n', '\r\n'),
      async (rows, size, bom, end) => {
        const lines = rows.map((cells) => `${cells.map(quoted).join(',')}${end}`);
        const bytes = Buffer.from(`${bom}deviceId,deviceType${end}${lines.join('')}`);
        const cut: Buffer[] = [];
        for (let i = 0; i < bytes.length; i += size) cut.push(bytes.subarray(i, i + size));
        const found = (await rowsOf(...cut)).map(([, text]) => JSON.parse(text));
        expect(found).toEqual(rows.map(([deviceId, deviceType]) => ({ deviceId, deviceType })));
      },
    ),
  );
});

it('rows are yielded chunk by chunk, in order with the bad ones, and the source is closed', async () => {
  let closed = false;
  async function* endless(): AsyncGenerator<string> {
    try {
      yield 'deviceId,deviceType\n';
      for (let n = 1; ; n++) yield `d${n},t\nbad\nd${n}b,t\n`;
    } finally {
      closed = true;
    }
  }
  const lines: number[] = [];
  for await (const rows of csvRows(endless())) {
    lines.push(...rows.map(({ line }) => line));
    if (lines.length > 8) break;
  }
  expect(lines.slice(0, 9)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(closed).toBe(true);
});

it('an error of the source is thrown', async () => {
  async function* broken(): AsyncGenerator<string> {
    yield 'deviceId,deviceType\nd1,t\n';
    throw new Error('the disk is gone');
  }
  const all = async () => {
    for await (const _ of csvRows(broken()));
  };
  await expect(all()).rejects.toThrow('the disk is gone');
});

it('refuses a row without an end before it fills the memory, after yielding the rows before it', async () => {
  let given = 0;
  async function* endless(): AsyncGenerator<Buffer | string> {
    yield 'deviceId,metadata\nd1,\nd2,"';
    for (;;) {
      given += 1;
      yield Buffer.alloc(65_536, 'x\n');
    }
  }
  const ids: unknown[] = [];
  const reading = async () => {
    for await (const rows of csvRows(endless())) ids.push(...rows.map(({ read }) => read(() => {}).deviceId));
  };
  await expect(reading()).rejects.toEqual(
    expect.objectContaining({ code: 'USAGE', message: 'the row after line 2 is too long: at most 4 MiB' }),
  );
  expect(ids).toEqual(['d1']);
  expect(given).toBe(65);
});
