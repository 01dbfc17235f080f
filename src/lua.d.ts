/**
 * Importing a Lua file gives its text, in which each `@include` line is replaced with that file
 * (scripts/lua-plugin.js).
 */
declare module '*.lua' {
  const source: string;
  export default source;
}
