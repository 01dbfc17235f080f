import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonObject, toJson } from '../../src/core/model/json.js';
import { parseDocument } from '../../src/input/document.js';

async function parse(args: string[], files: Record<string, string> = {}) {
  const notices: string[] = [];
  const document = await parseDocument(
    args,
    async (name) => {
      const text = files[name];
      if (text === undefined) throw new Error(`unexpected read of ${name}`);
      return text;
    },
    (notice) => notices.push(notice),
  );
  return { document, json: toJson(document), notices };
}

const refusal = (message: string | RegExp) => {
  const matching =
    typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message);
  return expect.objectContaining({ code: 'USAGE', message: matching });
};

describe('assignments', () => {
  it.each([
    [['a='], '{"a":""}'],
    [['a==b'], '{"a":"=b"}'],
    [['owner=@al'], '{"owner":"@al"}'],
    [['version=1.10'], '{"version":1.10}'],
    [['x=1e3'], '{"x":1e3}'],
    [['x=-5'], '{"x":-5}'],
    [['x=12345678901234567890'], '{"x":12345678901234567890}'],
    [['id=007'], '{"id":"007"}'],
    [['x=+5'], '{"x":"+5"}'],
    [['x=.5'], '{"x":".5"}'],
    [['x=NaN'], '{"x":"NaN"}'],
    [['x=True'], '{"x":"True"}'],
    [['x=1.2.3'], '{"x":"1.2.3"}'],
    [['x=-'], '{"x":"-"}'],
    [['x=a b'], '{"x":"a b"}'],
    [['flag=true'], '{"flag":true}'],
    [['l=[1,2]'], '{"l":[1,2]}'],
    [['s="5"'], '{"s":"5"}'],
    [['x=null'], '{"x":null}'],
    [['x={"a":{"b":0.10}}'], '{"x":{"a":{"b":0.10}}}'],
    [['x:=5'], '{"x":5}'],
    [['x:="s"'], '{"x":"s"}'],
    [['a.b.c=1'], '{"a":{"b":{"c":1}}}'],
    [['a.b=1', 'a.c=2'], '{"a":{"b":1,"c":2}}'],
    [['a={"b":1}', 'a.c=2'], '{"a":{"b":1,"c":2}}'],
    [['a=1', 'a=2'], '{"a":2}'],
    [['a.b=1', 'a=2'], '{"a":2}'],
    [['a\\.b=1'], '{"a.b":1}'],
    [['a\\=b=1'], '{"a=b":1}'],
    [['a\\:=1'], '{"a:":1}'],
    [['a\\::=1'], '{"a:":1}'],
    [['a:b=1'], '{"a:b":1}'],
    [['a\\[0]=1'], '{"a[0]":1}'],
    [['a\\\\=1'], '{"a\\\\":1}'],
    [['path=C:\\dir'], '{"path":"C:\\\\dir"}'],
    [['__proto__.x=1', 'constructor=2'], '{"__proto__":{"x":1},"constructor":2}'],
    [['温度=20'], '{"温度":20}'],
  ])('%j', async (args, json) => {
    expect((await parse(args)).json).toBe(json);
  });

  it.each([
    [['x={a:1}'], /^"x=\{a:1\}": bad JSON: .* at position 1$/],
    [['x=[1,'], 'bad JSON'],
    [['x="abc'], 'bad JSON'],
    [['x:=abc'], 'bad JSON'],
    [['x:='], 'bad JSON'],
    [['a.b[0]=1'], 'an array cannot be changed by index'],
    [['=1'], 'must not be empty'],
    [[':=1'], 'must not be empty'],
    [['a..b=1'], 'must not be empty'],
    [['.a=1'], 'must not be empty'],
    [['a.=1'], 'must not be empty'],
    [['a=1', 'a.b=2'], '"a" already has a value'],
    [['a=null', 'a.b=2'], '"a" already has a value'],
    [['a=1', 'b'], '"b": not KEY=VALUE'],
    [[''], 'not KEY=VALUE'],
    [['a\\'], 'backslash'],
    [['a\\b=1'], 'backslash'],
    [['a=1', '{"b":2}'], 'cannot be combined with other arguments'],
    [['-', 'a=1'], 'cannot be combined with other arguments'],
    [['@f', '@g'], 'cannot be combined with other arguments'],
  ])('%j is refused', async (args, message) => {
    await expect(parse(args)).rejects.toEqual(refusal(message));
  });

  it('never quotes a whole long document in a message', async () => {
    const error: Error = await parse([`x={${'y'.repeat(10_000)}`]).catch((e) => e);
    expect(error.message.length).toBeLessThan(200);
  });

  it('does not touch prototypes', async () => {
    const { document } = await parse(['__proto__.polluted=1', 'constructor.prototype.polluted=1']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
  });

  it('contains what was assigned, for any names', async () => {
    const escaped = (key: string) => key.replace(/[.=:[\\]/g, '\\$&');
    const key = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !/^[\s@{["-]/.test(text));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 }), async (value) => {
        const args = Object.entries(value).map(([name, item]) => `${escaped(name)}:=${JSON.stringify(item)}`);
        expect(JSON.parse((await parse(args)).json)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('whole documents', () => {
  it.each([
    [['{"a":1.10}'], '{"a":1.10}'],
    [[' \n{"a" : [ ] }\n'], '{"a":[]}'],
    [['@dir/f.json'], '{"f":1}'],
    [['-'], '{"stdin":1}'],
    [['@-'], '{"stdin":1}'],
    [['@a=b'], '{"odd":1}'],
  ])('%j', async (args, json) => {
    const files = { 'dir/f.json': '{"f":1}\n', '-': ' {"stdin":1}', 'a=b': '{"odd":1}' };
    expect((await parse(args, files)).json).toBe(json);
  });

  it.each([
    [['[1,2]'], 'expected a JSON object, not an array'],
    [['[1'], 'expected a JSON object, not an array'],
    [[' "a"'], 'expected a JSON object, not a string'],
    [['{"a":1,}'], /^bad JSON: .* at position 7$/],
    [['{"a":1} x'], /^bad JSON: .* at position 8$/],
    [['{"a":NaN}'], 'bad JSON'],
    [['@'], 'a file name must follow'],
    [['@list'], /^list: expected a JSON object, not an array$/],
    [['@bad'], /^bad: bad JSON: .* at position 1$/],
    [['-'], /^standard input: bad JSON/],
  ])('%j is refused', async (args, message) => {
    await expect(parse(args, { list: '[]', bad: '{', '-': '' })).rejects.toEqual(refusal(message));
  });

  it.each([
    ['whole', 33],
    ['whole', 100_000],
    ['by dots', 33],
    ['by dots', 100_000],
    ['within an assignment', 100_000],
  ])('is at most 32 levels deep: %s, %i', async (how, depth) => {
    const nested = `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;
    const arg = {
      whole: nested,
      'by dots': `${'a.'.repeat(depth - 1)}a=1`,
      'within an assignment': `a=${nested}`,
    };
    const error: Error = await parse([arg[how as keyof typeof arg]]).catch((e) => e);
    expect(error).toEqual(refusal(/nested too deeply: a document is at most 32 levels deep/));
    expect(error.message.length).toBeLessThan(200);
  });

  it('may be 32 levels deep, and 1 MiB', async () => {
    const nested = `${'{"a":'.repeat(31)}{}${'}'.repeat(31)}`;
    expect((await parse([nested])).json).toBe(nested);
    expect((await parse([`${'a.'.repeat(31)}a=1`])).json).toBe(nested.replace('{}', '{"a":1}'));
    const large = `{"a":"${'x'.repeat(1_048_576 - 8)}"}`;
    expect((await parse([large])).json).toBe(large);
    const spaced = `{ "a" : "${'x'.repeat(1_048_576 - 8)}" }`;
    expect((await parse([spaced])).json).toBe(large);
  });

  it('counts the bytes of the compact text', async () => {
    const refused = refusal('too large: a document is at most 1 MiB (1048576 bytes), not 1048577 bytes');
    await expect(parse([`{"a":"${'x'.repeat(1_048_576 - 7)}"}`])).rejects.toEqual(refused);
    await expect(parse([`{"a":"x${'é'.repeat((1_048_576 - 8) / 2)}"}`])).rejects.toEqual(refused);
    const half = 'x'.repeat(600_000);
    await expect(parse([`a=${half}`, `b=${half}`])).rejects.toEqual(refusal('too large'));
  });

  it('lets the last of duplicate keys win, with a notice', async () => {
    const { json, notices } = await parse(['{"a":1,"b":{"a":1,"a":2},"a":3}']);
    expect(json).toBe('{"a":3,"b":{"a":2}}');
    expect(notices).toEqual(['duplicate key "a" and 1 more: the last one wins']);
  });

  it('returns any object unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        async (value: unknown) => {
          const text = JSON.stringify(value);
          expect((await parse([text])).json).toBe(text);
        },
      ),
    );
  });

  it('is a new object for each call', async () => {
    const none: JsonObject = (await parse([])).document;
    expect(none).toEqual({});
  });
});
