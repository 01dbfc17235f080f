#compdef devstate
# zsh completion for devstate. Generated: see scripts/generate.js.
_devstate() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a globals commands
  globals=(
    '(-u --url)-u+[Redis: redis://\[user@\]host\[:port\]\[/db\], rediss://…, unix:///path\[?db=N\], redis-sentinel://h1,h2#master, redis-cluster://h1,h2]:url: '
    '(-u --url)--url=[Redis: redis://\[user@\]host\[:port\]\[/db\], rediss://…, unix:///path\[?db=N\], redis-sentinel://h1,h2#master, redis-cluster://h1,h2]:url: '
    '(--context)--context=[the server of that name, see devstate context]:name: '
    '(--ca)--ca=[TLS: whom to trust, instead of the authorities of the system (PEM)]:path:_files'
    '(--cert)--cert=[TLS: the client'\''s certificate (PEM)]:path:_files'
    '(--key)--key=[TLS: the key of --cert (PEM)]:path:_files'
    '(--insecure)--insecure[TLS: trust whoever answers]'
    '(-n --namespace)-n+[put NAME: before every key and channel]:name: '
    '(-n --namespace)--namespace=[put NAME: before every key and channel]:name: '
    '(--dialect)--dialect=[field names and time units of new records, where the fleet has none]:dialect:(node python)'
    '(-o --output)-o+[how to print]:format:(table wide json ndjson yaml csv name)'
    '(-o --output)--output=[how to print]:format:(table wide json ndjson yaml csv name)'
    '(--json)--json[the same as -o json]'
    '(--fields)--fields=[print these fields: a,b.c]:list: '
    '(--no-headers)--no-headers[tables without their header]'
    '(--color)--color=[colours; beats NO_COLOR]:when:(auto always never)'
    '(-q --quiet)-q[no notices, hints or progress]'
    '(-q --quiet)--quiet[no notices, hints or progress]'
    '*-v[say more of what goes on; twice: stack traces]'
    '*--verbose[say more of what goes on; twice: stack traces]'
    '(--read-only)--read-only[refuse every write]'
    '(--request-timeout)--request-timeout=[for connecting and for each command (default 5s)]:duration: '
    '(-h --help)-h[show help]'
    '(-h --help)--help[show help]'
    '(-V --version)-V[show the version]'
    '(-V --version)--version[show the version]'
  )
  commands=(
    'register:Register a device, or update its type, metadata and TTL'
    'heartbeat:Send a heartbeat for devices, once or until stopped'
    'get:Show the whole state of devices'
    'list:List registered devices'
    'stats:Count devices: registered, online, offline, never seen, lapsed and not yet found'
    'history:Show what changed and when: reports, desired states, presence'
    'unregister:Remove devices and all that is kept of them'
    'list-online:List the devices that are online now'
    'stale:List devices that have not been seen for long, oldest first'
    'watch-presence:Watch devices come and go'
    'detect:Find devices that fell silent, and announce them'
    'disconnect:Take devices offline at once, as their own goodbye does'
    'set-desired:Merge into the desired state of a device and tell it'
    'delta:Compare the desired state of a device with what it reports'
    'init:Declare what the fleet is: its dialect, and whether other programs write to it'
    'context:Keep servers by name: URL, namespace, dialect, certificates, what may be done there'
    'acl:Print the command that makes a Redis user for a role, with the least permissions it needs'
    'demo:Show the whole story on a server of its own, in a few seconds'
    'completion:Print a completion script for your shell'
  )
  _arguments -C $globals '1:command:->command' '*::argument:->argument' && return
  case $state in
    command) _describe command commands ;;
    argument)
      case $words[1] in
        register)
          _arguments $globals \
            '(--type)--type=[device type]:type: ' \
            '*--meta=[metadata: KEY=VALUE, {…}, @FILE or -; replaces the whole]:document: ' \
            '(--ttl)--ttl=[how long the device'\''s heartbeats hold]:duration: ' \
            '(--if-new)--if-new[fail if it is registered already]' \
            '(-f --file)-f+[devices as NDJSON, one a line; - is standard input]:path:_files' \
            '(-f --file)--file=[devices as NDJSON, one a line; - is standard input]:path:_files' \
            '(--csv)--csv[the file is CSV, its first line names the fields; so is any .csv]' \
            '(--fail-fast)--fail-fast[with -f: begin nothing after a line that fails]' \
            '(-y --yes)-y[do not ask]' \
            '(-y --yes)--yes[do not ask]' \
            '1::id: '
          ;;
        heartbeat)
          _arguments $globals \
            '*--report=[reported state: KEY=VALUE, {…}, @FILE or -; replaces it]:document: ' \
            '(--merge)--merge[merge the report into what is there (RFC 7396)]' \
            '(--ttl)--ttl=[how long this beat holds]:duration: ' \
            '(--register)--register[register unknown devices on the fly, as of --type]' \
            '(--type)--type=[device type for --register]:type: ' \
            '(--every)--every=[keep beating until stopped]:duration: ' \
            '(--count)--count=[with --every: stop after so many]:n: ' \
            '(-f --file)-f+[heartbeats as NDJSON, one a line; - is standard input]:path:_files' \
            '(-f --file)--file=[heartbeats as NDJSON, one a line; - is standard input]:path:_files' \
            '(--fail-fast)--fail-fast[with -f: begin nothing after a line that fails]' \
            '(-y --yes)-y[do not ask]' \
            '(-y --yes)--yes[do not ask]' \
            '*:id: '
          ;;
        get)
          _arguments $globals \
            '(--at)--at=[as it was then: 2h ago, 2026-11-24T10:00Z, epoch ms]:moment: ' \
            '*:id: '
          ;;
        list)
          _arguments $globals \
            '(--status)--status=[only these]:status:(online offline never)' \
            '(--type)--type=[only devices of this type]:type: ' \
            '(--with-state)--with-state[with reported, desired and metadata]' \
            '(--sort)--sort=[in this order; by id, and on a shared fleet, it holds the whole list first]:key:(id last-seen expires)' \
            '(--limit)--limit=[at most so many]:n: ' \
            '(--fail-if-empty)--fail-if-empty[exit 4 if there are none]'
          ;;
        stats)
          _arguments $globals \
            '(--by)--by=[a row for each]:what:(type)' \
            '(--watch)--watch[again every two seconds, until stopped]'
          ;;
        history)
          _arguments $globals \
            '(--since)--since=[not before: 2h ago, 2026-11-24T10:00Z, epoch ms]:moment: ' \
            '(--until)--until=[not after]:moment: ' \
            '(--kind)--kind=[only these: reported,desired,presence]:list: ' \
            '(--limit)--limit=[the newest so many]:n: ' \
            '(--diff)--diff[show which paths went from what to what]' \
            '(--follow)--follow[go on with what changes from now on]' \
            '1:id: '
          ;;
        unregister)
          _arguments $globals \
            '(-y --yes)-y[do not ask]' \
            '(-y --yes)--yes[do not ask]' \
            '*:id: '
          ;;
        list-online)
          _arguments $globals \
            '(--type)--type=[only devices of this type]:type: ' \
            '(--limit)--limit=[at most so many]:n: ' \
            '(--sort)--sort=[in this order; by id, and on a shared fleet, it holds the whole list first]:key:(expires id)' \
            '(--fail-if-empty)--fail-if-empty[exit 4 if there are none]'
          ;;
        stale)
          _arguments $globals \
            '(--older-than)--older-than=[not seen for that long (default 1h)]:duration: ' \
            '(--type)--type=[only devices of this type]:type: ' \
            '(--no-never)--no-never[leave out devices that were never seen]' \
            '(--fail-if-empty)--fail-if-empty[exit 4 if there are none]'
          ;;
        watch-presence)
          _arguments $globals \
            '(--type)--type=[only devices of this type]:type: ' \
            '(--id)--id=[only ids like this: * and ? stand for any]:glob: ' \
            '(--since)--since=[replay first: 15m, 2026-11-24T10:00Z, epoch ms, or after an event'\''s id]:moment: ' \
            '(--count)--count=[stop after so many events]:n: ' \
            '(--for)--for=[stop after that long; with --count, exit 4 if they did not come]:duration: ' \
            '(--detect)--detect[find devices that fall silent, too]' \
            '(--no-hold)--no-hold[with --detect: pass verdicts even right after an outage]'
          ;;
        detect)
          _arguments $globals \
            '(--strategy)--strategy=[deadline sleeps until the next one is due; the others are the article’s (default deadline)]:name:(deadline poll keyspace)' \
            '(--interval)--interval=[of --strategy poll (default 10s)]:duration: ' \
            '(--audit)--audit=[how long a round over the whole fleet may take (default 5m)]:duration: ' \
            '(--once)--once[sweep once and end]' \
            '(--no-hold)--no-hold[pass verdicts even right after an outage]'
          ;;
        disconnect)
          _arguments $globals \
            '(-y --yes)-y[do not ask]' \
            '(-y --yes)--yes[do not ask]' \
            '*:id: '
          ;;
        set-desired)
          _arguments $globals \
            '(--if-version)--if-version=[only if the desired version is this one]:n: ' \
            '(--replace)--replace[replace the desired state instead of merging]' \
            '(-y --yes)-y[do not ask]' \
            '(-y --yes)--yes[do not ask]' \
            '1:id: ' \
            '*:document: '
          ;;
        delta)
          _arguments $globals \
            '(--exit-code)--exit-code[exit 4 if they differ]' \
            '1:id: '
          ;;
        init)
          _arguments $globals \
            '(--partitions)--partitions=[how many parts its keys are in, while it holds no devices; a cluster needs some, say 64]:n: ' \
            '(--writers)--writers=[exclusive: devstate alone, so that queries may go by the index, which is brought in line first]:who:(shared exclusive)'
          ;;
        context)
          _arguments $globals \
            '(--protected)--protected[set: ask before a write in bulk]' \
            '(--no-protected)--no-protected[set: do not]' \
            '*--unset=[set: take this away again]:field:(namespace dialect readOnly ca cert key insecure)' \
            '1:action:(list use show set remove)' \
            '2::name: '
          ;;
        acl)
          _arguments $globals \
            '(--user)--user=[the user'\''s name (default: the role)]:name: ' \
            '*--id=[device: the device that it beats for, may be repeated (default: the one of its name)]:id: ' \
            '1:role:(viewer operator device detector)'
          ;;
        demo)
          _arguments $globals
          ;;
        completion)
          _arguments $globals \
            '1:shell:(bash zsh fish)'
          ;;
      esac
      ;;
  esac
}

# Autoloaded from $fpath it completes at once; sourced it registers itself.
if [[ $funcstack[1] == _devstate ]]; then
  _devstate "$@"
else
  compdef _devstate devstate
fi
