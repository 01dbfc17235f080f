/** The files and folders that documents name exist. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** `src/core/store/fleet.ts`, `src/core/store/`: anywhere in the text, also in code blocks. */
const IN_A_FOLDER = /(?<![\w/.-])(?:src|test|bench|bin|scripts|completions|\.ci|\.github)\/[\w./-]*/g;
/** `package.json`, `.nvmrc`: in back quotes, or as the target of a link. */
const IN_THE_ROOT =
  /(?<=`|\]\()(?:\.(?:nvmrc|editorconfig|dependency-cruiser\.cjs)|[\w.-]+\.(?:md|json|ts))(?=`|[)#])/g;

describe.each(['ARCHITECTURE.md', 'CONTRIBUTING.md', 'README.md', 'SECURITY.md'])('%s', (document) => {
  const text = readFileSync(document, 'utf8');
  const found = [...text.matchAll(IN_A_FOLDER), ...text.matchAll(IN_THE_ROOT)];
  const paths = [...new Set(found.map(([path]) => path.replace(/\.$/, '')))];

  it('names files', () => {
    expect(paths.length).toBeGreaterThan(0);
  });

  it('names only files that exist', () => {
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });
});
