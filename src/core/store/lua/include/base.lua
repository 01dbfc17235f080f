-- Redis keeps the time: one TIME per script, in ms. Tests may pass a moment instead.
local function moment()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Redis does not roll back: a key of another type has to raise before anything is written.
local function probe(...)
  for i, command in ipairs({...}) do redis.call(command, KEYS[i]) end
end

-- Redis writes a number argument as a double, which takes it several times as long.
local function int(number) return string.format('%d', number) end

-- What a failed redis.call raised: a table since Redis 7, a string before. The string begins with the line, which
-- Redis 7 tells only of what ends the whole script. At level 4 is who called redis.call: 1 to 3 are pcall, this, that.
local function errorText(raised)
  if type(raised) ~= 'table' then return tostring(raised) end
  local _, place = pcall(error, '', 4)
  return place .. raised.err
end

-- As pcall, but what was raised comes as that text.
local function attempt(work, first, second)
  return xpcall(function() return work(first, second) end, errorText)
end

-- A JSON string. JSON is only ever written here, never parsed: cjson would lose digits.
local function quoted(text)
  if not string.find(text, '[%c"\\]') then return '"' .. text .. '"' end
  return '"' .. string.gsub(text, '[%c"\\]', function(char)
    return string.format('\\u%04x', string.byte(char))
  end) .. '"'
end
