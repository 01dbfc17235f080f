-- Finds out, without parsing, whether two JSON texts may be equal by value: they may differ in the order of keys, the
-- spelling of numbers (1, 1.0, 1e0) and white space. If they may be equal, the caller of the script parses and compares
-- them; most texts that differ are recognized here.

local find, match, gmatch = string.find, string.match, string.gmatch

-- Texts with more bytes are not compared here, and taken for texts that may be equal, so that no script runs for long.
local COMPARED_BYTES = 16384

-- Patterns of a member of an object in compact JSON, which capture its key and value; and (_AFTER) of what follows a
-- key in any JSON, which capture the value. SCALAR: a number, true, false or null. STRING: a string without escapes. To
-- scan a text with a pattern takes 20 ns a byte, so only the new text is scanned; in the stored text each key is found
-- by a plain search.
local SCALAR, SCALAR_AFTER = '"([%w_.-]+)":(-?%w[%w.+-]*)', '^%s*:%s*(-?%w[%w.+-]*)'
local STRING, STRING_AFTER = '"([%w_.-]+)":"([^"\\]*)"', '^%s*:%s*"([^"\\]*)"'

local function isSame(found, value)
  return found == value or found and tonumber(found) and tonumber(found) == tonumber(value)
end

-- Returns whether a text has a member, at any depth, that `stored` certainly lacks: `stored` does not have the key, or
-- has it only once, with another value.
local function hasOtherMember(text, stored, member, after)
  for key, value in gmatch(text, member) do
    local quoted = '"' .. key .. '"'
    local _, last = find(stored, quoted, 1, true)
    if not last then return true end
    if not find(stored, quoted, last, true) then
      local found = match(stored, after, last + 1)
      -- A string with escapes is not found, but may be the same.
      if member == STRING and found and found ~= value then return true end
      if member == SCALAR and not isSame(found, value) then return true end
    end
  end
  return false
end

-- Returns the sum of the numbers in a text, also of those within strings, and how far rounding may have changed it.
local function sumNumbers(text)
  local sum, size, count = 0, 0, 0
  for digits in gmatch(text, '%-?%d[%d.eE+-]*') do
    local number = tonumber(digits)
    if number then sum, size, count = sum + number, size + math.abs(number), count + 1 end
  end
  return sum, size * count * 2 ^ -51
end

local function haveOtherSums(text, stored)
  local sum, sumError = sumNumbers(text)
  local storedSum, storedError = sumNumbers(stored)
  return math.abs(sum - storedSum) > sumError + storedError
end

-- Returns false only if the two texts are certainly not equal by value, or `stored` is too long for a document.
local function mayBeEqual(stored, text)
  if stored == '' or #stored > DOCUMENT_LIMIT then return false end
  if stored == '{}' then return not find(text, '"', 1, true) end
  if #stored > COMPARED_BYTES or #text > COMPARED_BYTES then return true end
  -- An escape such as \u0031 may stand for any character, also for a digit.
  if find(stored, '\\u', 1, true) or find(text, '\\u', 1, true) then return true end
  return not (hasOtherMember(text, stored, SCALAR, SCALAR_AFTER) or hasOtherMember(text, stored, STRING, STRING_AFTER)
    or haveOtherSums(text, stored))
end
