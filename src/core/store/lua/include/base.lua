-- Functions for all scripts. The locals for a script's keys and arguments (`onlineKey`, `id`, …) are not declared in
-- Lua files: script-prelude.ts generates them from the script's descriptor.

-- Returns an integer as text, to be passed to redis.call. If a number is passed, Redis converts it as a floating-point
-- number, which takes several times as long.
local function int(number) return string.format('%d', number) end

-- Returns the time of the Redis server, or the time that a test sets, in epoch ms.
local function readTime()
  if testTime ~= '' then return tonumber(testTime) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The time of this call, read once so that all times that the script writes agree. Every reply begins with it, which
-- tells the caller the server's time. After `notAfter`, when the caller has given up, the script only replies STALE and
-- the time: a server that was stopped, or whose network was interrupted, may read a request long after it was sent. A
-- time that a test sets is not compared, because it is not the server's.
local now = readTime()
if testTime == '' and notAfter ~= '' and now > tonumber(notAfter) then return redis.error_reply('STALE ' .. int(now)) end

-- Returns a text as a JSON string. Scripts build JSON as text and never parse it, because the Lua library cjson would
-- round large numbers.
local function jsonString(text)
  if not string.find(text, '[%c"\\]') then return '"' .. text .. '"' end
  return '"' .. string.gsub(text, '[%c"\\]', function(char)
    return string.format('\\u%04x', string.byte(char))
  end) .. '"'
end
