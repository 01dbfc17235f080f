-- Stands before each script that runs on ioredis-mock, where `redis.call` differs from Redis: with it
-- missing values are false, errors are tables with the field `err`, a key of another type raises
-- WRONGTYPE, and TIME, XADD and SET know what devstate's scripts ask of them.
-- NOW (seconds, microseconds, milliseconds) and TYPES (the type that a command expects) are defined before.
local mockCall = redis.call

-- The Lua of ioredis-mock has integers of 32 bits, and %d refuses what is larger. Times are larger.
local format = string.format
function string.format(pattern, ...)
  return format((string.gsub(pattern, '%%(%d*)d', '%%%1.0f')), ...)
end

-- Values and lists come from JavaScript as userdata where they are neither text nor number.
local function toLua(reply)
  if type(reply) ~= 'userdata' then return reply end
  local list = {}
  for i = 1, #reply do
    local value = reply[i]
    list[i] = (type(value) == 'string' or type(value) == 'number') and value or false
  end
  return list
end

local function refuseOtherType(name, key)
  local expected = TYPES[name]
  if not expected then return end
  local found = mockCall('TYPE', key)
  if expected == 'stream' then expected = 'list' end -- ioredis-mock keeps a stream as a list
  if found ~= 'none' and found ~= expected then
    error('WRONGTYPE Operation against a key holding the wrong kind of value', 0)
  end
end

local commands = {}

function commands.TIME() return {NOW.seconds, NOW.microseconds} end

-- The id is the time, as in Redis; ioredis-mock counts from 1.
function commands.XADD(key, ...)
  local args, last = {...}, mockCall('XREVRANGE', key, '+', '-', 'COUNT', 1)
  local newest = #last > 0 and tonumber(string.match(last[1][0], '^%d+')) or 0
  for i, arg in ipairs(args) do
    if arg == '*' then
      args[i] = string.format('%d', math.max(NOW.milliseconds, newest + 1))
      break
    end
  end
  local id = mockCall('XADD', key, table.unpack(args))
  mockCall('DEL', 'stream:' .. key .. ':' .. id) -- a key that only ioredis-mock makes
  return id
end

-- Redis removes a key with its last member.
local function removing(name, counting)
  return function(key, ...)
    local removed = mockCall(name, key, ...)
    if mockCall(counting, key) == 0 then mockCall('DEL', key) end
    return removed
  end
end

commands.SREM, commands.ZREM = removing('SREM', 'SCARD'), removing('ZREM', 'ZCARD')

-- ioredis-mock takes GET for an option with a value.
function commands.SET(key, value, ...)
  local options, previous, isGet = {}, mockCall('GET', key), false
  for _, option in ipairs({...}) do
    if option == 'GET' then isGet = true else table.insert(options, option) end
  end
  local reply = mockCall('SET', key, value, table.unpack(options))
  if isGet then return previous end
  return reply
end

local function run(name, ...)
  name = string.upper(name)
  refuseOtherType(name, (...))
  if commands[name] then return commands[name](...) end
  return toLua(mockCall(name, ...))
end

local function pcallRun(...)
  local done, reply = pcall(run, ...)
  if done then return reply end
  return {err = string.gsub(tostring(reply), '^%a*Error: ', '')}
end

redis.pcall = pcallRun

redis.call = function(...)
  local reply = pcallRun(...)
  if type(reply) == 'table' and reply.err then error(reply) end
  return reply
end

-- JSON, because ioredis-mock returns false where Redis returns nil, and floats.
local function encode(value)
  if type(value) == 'number' then return string.format('%d', math.floor(value)) end
  if type(value) == 'string' then
    return '"' .. string.gsub(value, '[%c"\\]', function(char)
      return string.format('\\u%04x', string.byte(char))
    end) .. '"'
  end
  if type(value) ~= 'table' then return 'null' end
  if value.err then return '{"error":' .. encode(value.err) .. '}' end
  local items = {}
  for i, item in ipairs(value) do items[i] = encode(item) end
  return '[' .. table.concat(items, ',') .. ']'
end

-- Returns the script's reply, or what it raised, as JSON.
local function outcomeOf(script)
  local done, reply = pcall(script)
  if done then return encode(reply) end
  return encode({err = type(reply) == 'table' and reply.err or tostring(reply)})
end
