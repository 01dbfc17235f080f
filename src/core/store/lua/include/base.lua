-- Helpers of every script. The locals for keys and arguments (`onlineKey`, `id`, …) are generated from the
-- script's descriptor by script-prelude.ts.

-- Returns the time of the Redis server in ms, or the time that a test sets. It is to be called once in a script.
local function readTime()
  if testTime ~= '' then return tonumber(testTime) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Returns an integer as text. Redis converts a number that is passed to redis.call as a double, which takes
-- several times as long.
local function int(number) return string.format('%d', number) end

-- Returns a text as a JSON string. Scripts write JSON but never parse it: cjson would round large numbers.
local function jsonString(text)
  if not string.find(text, '[%c"\\]') then return '"' .. text .. '"' end
  return '"' .. string.gsub(text, '[%c"\\]', function(char)
    return string.format('\\u%04x', string.byte(char))
  end) .. '"'
end
