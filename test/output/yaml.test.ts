/** YAML as other readers take it: the `yaml` package reads back what was written, as YAML 1.1 and as 1.2. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMap, isScalar, isSeq, parseAllDocuments, parseDocument } from 'yaml';
import { parseJson, toJson } from '../../src/core/model/json.js';
import type { Formatter } from '../../src/output/formatter.js';
import { yamlDocument, yamlList, yamlStream } from '../../src/output/yaml.js';

async function written<T>(formatter: Formatter<T>, rows: readonly T[]): Promise<string> {
  let text = '';
  for (const row of rows) text += await formatter.row(row);
  return text + formatter.end();
}

const one = (json: string) => written(yamlDocument<string>(parseJson), [json]);

/** As JSON, numbers as they are written there. */
function asJson(node: unknown): string {
  if (isMap(node)) {
    const pairs = node.items.map(({ key, value }) => `${asJson(key)}:${asJson(value)}`);
    return `{${pairs.join(',')}}`;
  }
  if (isSeq(node)) return `[${node.items.map(asJson).join(',')}]`;
  if (!isScalar(node)) throw new Error(`unexpected ${String(node)}`);
  const { value, type, source } = node;
  if (type === 'PLAIN' && /^-?\d/.test(source ?? '')) return source as string;
  return JSON.stringify(value);
}

describe('a single thing', () => {
  it('is a mapping, in block style', async () => {
    expect(
      await one(
        '{"deviceId":"sensor-1","status":"online","lastSeen":null,"state":{"on":true,"list":[1,[2,{"a":{"b":[]}}]],"none":{}}}',
      ),
    ).toBe(
      [
        'deviceId: sensor-1',
        'status: online',
        'lastSeen: null',
        'state:',
        '  "on": true',
        '  list:',
        '    - 1',
        '    - - 2',
        '      - a:',
        '          b: []',
        '  none: {}',
        '',
      ].join('\n'),
    );
  });

  it('keeps the digits of numbers', async () => {
    expect(await one('{"a":12345678901234567890,"b":1e400,"c":0.10,"d":-0,"e":[-1.50E+7]}')).toBe(
      'a: 12345678901234567890\nb: 1e400\nc: 0.10\nd: -0\ne:\n  - -1.50E+7\n',
    );
  });

  it.each([
    ...'1.1 1 0x1f 0o7 1_000 .5 - ~ .inf .NaN 1e3 007 +1 12:30:00 2026-11-24 2026-11-24T10:00:00Z'.split(' '),
    ...'on Off yes NO y N true Null e1 E-2 << = !tag &a *a | > [a] {a} " %a @a `a` --- ... a,b aa:bb:cc'.split(
      ' ',
    ),
    '',
    ' a',
    'a ',
    'a: b',
    'a #b',
    '- a',
    '? a',
    "it's",
    'a\nb',
    '\t',
    'a\\b',
  ])('quotes %j', async (text) => {
    const quoted = JSON.stringify(text);
    expect(await one(JSON.stringify([text, { [text]: 1 }]))).toBe(`- ${quoted}\n- ${quoted}: 1\n`);
  });

  it.each(['sensor-1', 'a b', 'floor/2/lamp.7', '_x', 'Wohnzimmer Süd', '温度', 'v1.2', 'nothing', 'only'])(
    'leaves %s as it is',
    async (text) => {
      expect(await one(JSON.stringify({ a: text, [text]: 1 }))).toBe(`a: ${text}\n${text}: 1\n`);
    },
  );

  it('escapes control and invisible characters', async () => {
    const text = '\u001b[2J\u0085\u007f\u202e\u2028\u200b\ud800\u{e0041}😀';
    const yaml = await one(JSON.stringify({ [text]: text }));
    const shown = String.raw`"\u001b[2J\u0085\u007f\u202e\u2028\u200b\ud800\U000e0041😀"`;
    expect(yaml).toBe(`${shown}: ${shown}\n`);
    expect(parseDocument(yaml).toJS()).toEqual({ [text]: text });
  });
});

it('a list is a sequence, each item written at once', async () => {
  const list = yamlList<string>(parseJson);
  expect(await list.row('{"a":1,"b":{"c":2}}')).toBe('- a: 1\n  b:\n    c: 2\n');
  expect(await list.row('{}')).toBe('- {}\n');
  expect(list.end()).toBe('');
  expect(yamlList(parseJson).end()).toBe('[]\n');
});

it('a stream has one document per row', async () => {
  const text = await written(yamlStream<string>(parseJson), ['{"a":1}', '{"a":"---"}']);
  expect(text).toBe('---\na: 1\n---\na: "---"\n');
  expect(parseAllDocuments(text).map((document) => 'toJS' in document && document.toJS())).toEqual([
    { a: 1 },
    { a: '---' },
  ]);
});

describe.each(['1.1', '1.2'] as const)('a reader of YAML %s', (version) => {
  const read = (yaml: string) => {
    const document = parseDocument(yaml, { version, merge: true, uniqueKeys: false });
    expect([...document.errors, ...document.warnings]).toEqual([]);
    return asJson(document.contents);
  };
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...' -:#?[]{}\'"\\\n\tonyes01.~e&*!|>%@`,<=/😀é\u0085\u202e\u200b') }),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  );
  const number = fc.constantFrom('0', '-0', '0.10', '1e400', '-1.5E-7', '12345678901234567890');
  const { value } = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      number,
      fc.constantFrom('true', 'false', 'null', '{}', '[]'),
      text.map((item) => JSON.stringify(item)),
      fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
      fc
        .uniqueArray(fc.tuple(text, tie('value')), { maxLength: 4, selector: ([key]) => key })
        .map((pairs) => `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${item}`).join(',')}}`),
    ),
  }));

  it('reads back what was written, without control characters in it', async () => {
    await fc.assert(
      fc.asyncProperty(value, async (json) => {
        const yaml = await written(yamlList<string>(parseJson), [json, json]);
        const compact = toJson(parseJson(json));
        expect(read(yaml)).toBe(`[${compact},${compact}]`);
        expect(yaml.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Surrogate}\p{Bidi_Control}\u2028\u2029]/u);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads keys of any length', async () => {
    for (const length of [998, 999, 1000, 5000]) {
      const json = `{"a":{"${'k'.repeat(length)}":{"b":1},"${'é:'.repeat(length / 2)}":[2],"c":3}}`;
      expect(read(await one(json))).toBe(json);
    }
  });
});
