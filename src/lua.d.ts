/** A Lua file as text, its includes put in (scripts/lua-plugin.js). */
declare module '*.lua' {
  const source: string;
  export default source;
}
