#compdef devstate
# zsh completion for devstate. Generated: see scripts/generate.js.
_devstate() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a globals commands
  globals=(
    '(-u --url)-u+[Redis: redis://\[user@\]host\[:port\]\[/db\], rediss://…, unix:///path\[?db=N\], redis-sentinel://h1,h2#master, redis-cluster://h1,h2]:url: '
    '(-u --url)--url=[Redis: redis://\[user@\]host\[:port\]\[/db\], rediss://…, unix:///path\[?db=N\], redis-sentinel://h1,h2#master, redis-cluster://h1,h2]:url: '
    '(--context)--context=[use this named server (devstate context)]:name: '
    '(--ca)--ca=[TLS: certificate authorities to trust instead of those of Node and of the system (PEM)]:path:_files'
    '(--cert)--cert=[TLS: client certificate (PEM)]:path:_files'
    '(--key)--key=[TLS: private key of --cert (PEM)]:path:_files'
    '(--insecure)--insecure[TLS: do not verify the certificate of the server]'
    '(-n --namespace)-n+[prefix every key and channel with NAME:]:name: '
    '(-n --namespace)--namespace=[prefix every key and channel with NAME:]:name: '
    '(--dialect)--dialect=[field names and time units of new records, if the fleet has declared none]:dialect:(node python)'
    '(-o --output)-o+[output format]:format:(table wide json ndjson yaml csv name)'
    '(-o --output)--output=[output format]:format:(table wide json ndjson yaml csv name)'
    '(--json)--json[same as -o json]'
    '(--fields)--fields=[print only these fields: a,b.c]:list: '
    '(--no-headers)--no-headers[omit the header of tables]'
    '(--color)--color=[when to use colours; overrides NO_COLOR]:when:(auto always never)'
    '(-q --quiet)-q[print no notices, hints or progress]'
    '(-q --quiet)--quiet[print no notices, hints or progress]'
    '*-v[print more notices; twice: also stack traces]'
    '*--verbose[print more notices; twice: also stack traces]'
    '(--read-only)--read-only[refuse every write]'
    '(--request-timeout)--request-timeout=[timeout for connecting and for each Redis command (default 5s)]:duration: '
    '(--role)--role=[device: the user is a device with a login of its own (devstate acl device)]:role:(device)'
    '(--fleet-partitions)--fleet-partitions=[with --role device: the partitions of the fleet (default 1)]:n: '
    '(--fleet-history)--fleet-history=[with --role device: how many reports the history keeps (0: none)]:n: '
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
    'stats:Count devices: registered, online, offline, never seen, and expired but not yet marked offline'
    'history:Show what changed and when: reports, desired states, presence'
    'unregister:Remove devices and all data about them'
    'list-online:List the devices that are online now'
    'stale:List devices that have not been seen for a given time, oldest first'
    'watch-presence:Watch devices go online and offline'
    'detect:Find devices whose heartbeats stopped, and announce them as offline'
    'disconnect:Mark devices offline at once, as when they disconnect themselves'
    'set-desired:Merge into the desired state of a device and notify the device'
    'delta:Compare the desired state of a device with what it reports'
    'init:Declare the layout of the fleet: partitions, dialect, and whether other programs write to it'
    'context:Manage named servers: URL, namespace, dialect, certificates and write protection'
    'acl:Print the command that creates a Redis user for a role, with the least permissions it needs'
    'demo:Show what devstate does, on a server of its own, in a few seconds'
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
            '*--meta=[metadata: KEY=VALUE, {…}, @FILE or -; replaces existing metadata]:document: ' \
            '(--ttl)--ttl=[how long the device stays online after a heartbeat]:duration: ' \
            '(--if-new)--if-new[fail if the device is registered already]' \
            '(-f --file)-f+[devices as NDJSON, one a line; - is standard input]:path:_files' \
            '(-f --file)--file=[devices as NDJSON, one a line; - is standard input]:path:_files' \
            '(--csv)--csv[the file is CSV with the field names in its first line (default for *.csv)]' \
            '(--fail-fast)--fail-fast[with -f: stop at the first line that fails]' \
            '(-y --yes)-y[do not ask for confirmation]' \
            '(-y --yes)--yes[do not ask for confirmation]' \
            '1::id: '
          ;;
        heartbeat)
          _arguments $globals \
            '*--report=[reported state: KEY=VALUE, {…}, @FILE or -; replaces the last report]:document: ' \
            '(--merge)--merge[merge the report into the last one (RFC 7396)]' \
            '(--ttl)--ttl=[how long the device stays online after this heartbeat]:duration: ' \
            '(--register)--register[register unknown devices with the type of --type]' \
            '(--type)--type=[device type for --register]:type: ' \
            '(--every)--every=[repeat at this interval until stopped]:duration: ' \
            '(--count)--count=[with --every: stop after this many]:n: ' \
            '(-f --file)-f+[heartbeats as NDJSON, one a line; - is standard input]:path:_files' \
            '(-f --file)--file=[heartbeats as NDJSON, one a line; - is standard input]:path:_files' \
            '(--fail-fast)--fail-fast[with -f: stop at the first line that fails]' \
            '(-y --yes)-y[do not ask for confirmation]' \
            '(-y --yes)--yes[do not ask for confirmation]' \
            '*:id: '
          ;;
        get)
          _arguments $globals \
            '(--at)--at=[the state at a past moment: 2h ago, 2026-11-24T10:00Z, epoch ms]:moment: ' \
            '*:id: '
          ;;
        list)
          _arguments $globals \
            '(--status)--status=[only devices with this status]:status:(online offline never)' \
            '(--type)--type=[only devices of this type]:type: ' \
            '(--with-state)--with-state[include reported and desired state and metadata]' \
            '(--sort)--sort=[sort by this key; by id, or on a fleet with shared writers, the whole list is read into memory first]:key:(id last-seen expires)' \
            '(--limit)--limit=[print at most this many]:n: ' \
            '(--fail-if-empty)--fail-if-empty[exit 4 if the list is empty]'
          ;;
        stats)
          _arguments $globals \
            '(--by)--by=[print one row for each value of this field]:what:(type)' \
            '(--watch)--watch[print every two seconds until stopped]'
          ;;
        history)
          _arguments $globals \
            '(--since)--since=[only changes since then: 2h ago, 2026-11-24T10:00Z, epoch ms]:moment: ' \
            '(--until)--until=[only changes until then]:moment: ' \
            '(--kind)--kind=[only these: reported,desired,presence]:list: ' \
            '(--limit)--limit=[only this many, the newest]:n: ' \
            '(--diff)--diff[show the changed paths with their old and new values]' \
            '(--follow)--follow[then print each change when it happens, until stopped]' \
            '1:id: '
          ;;
        unregister)
          _arguments $globals \
            '(-y --yes)-y[do not ask for confirmation]' \
            '(-y --yes)--yes[do not ask for confirmation]' \
            '*:id: '
          ;;
        list-online)
          _arguments $globals \
            '(--type)--type=[only devices of this type]:type: ' \
            '(--limit)--limit=[print at most this many]:n: ' \
            '(--sort)--sort=[sort by this key; by id, or on a fleet with shared writers, the whole list is read into memory first]:key:(expires id)' \
            '(--fail-if-empty)--fail-if-empty[exit 4 if the list is empty]'
          ;;
        stale)
          _arguments $globals \
            '(--older-than)--older-than=[not seen for at least this long (default 1h)]:duration: ' \
            '(--type)--type=[only devices of this type]:type: ' \
            '(--no-never)--no-never[leave out devices that were never seen]' \
            '(--fail-if-empty)--fail-if-empty[exit 4 if the list is empty]'
          ;;
        watch-presence)
          _arguments $globals \
            '(--type)--type=[only devices of this type]:type: ' \
            '(--id)--id=[only ids that match: * is any text, ? any character]:glob: ' \
            '(--since)--since=[replay first: 15m, 2026-11-24T10:00Z, epoch ms, or what follows an event'\''s id]:moment: ' \
            '(--count)--count=[stop after this many events]:n: ' \
            '(--for)--for=[stop after this time; with --count, exit 4 if there were fewer events]:duration: ' \
            '(--detect)--detect[also run a detector, which finds devices whose heartbeats stop]' \
            '(--no-hold)--no-hold[with --detect: mark devices offline even right after an outage]'
          ;;
        detect)
          _arguments $globals \
            '(--strategy)--strategy=[deadline (default): wait for the next heartbeat to expire; poll: check all online devices at an interval; keyspace: use Redis keyspace events]:name:(deadline poll keyspace)' \
            '(--interval)--interval=[for --strategy poll: time between checks (default 10s)]:duration: ' \
            '(--audit)--audit=[time in which every device of the fleet is checked once (default 5m)]:duration: ' \
            '(--once)--once[check once and exit]' \
            '(--no-hold)--no-hold[mark devices offline even right after an outage]'
          ;;
        disconnect)
          _arguments $globals \
            '(-y --yes)-y[do not ask for confirmation]' \
            '(-y --yes)--yes[do not ask for confirmation]' \
            '*:id: '
          ;;
        set-desired)
          _arguments $globals \
            '(--if-version)--if-version=[fail unless the desired state has this version]:n: ' \
            '(--replace)--replace[replace the desired state instead of merging]' \
            '(-y --yes)-y[do not ask for confirmation]' \
            '(-y --yes)--yes[do not ask for confirmation]' \
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
            '(--partitions)--partitions=[number of partitions of the keys, only while there are no devices; use 64 on a cluster]:n: ' \
            '(--writers)--writers=[exclusive: only devstate writes, so queries use the index, which is rebuilt first]:who:(shared exclusive)' \
            '(--device-logins)--device-logins[devices have logins of their own (acl device): what they write is not trusted]' \
            '(--no-device-logins)--no-device-logins[devices have no logins of their own]' \
            '(--hold)--hold=[how long all devices may be silent before they are marked offline, in TTLs; 0: no hold at all]:ttls:(2 1.5 1 0)' \
            '(--history)--history=[entries that the history of a device keeps, 0: none; longer ones are trimmed (default reported=20,desired=100,presence=100)]:caps: ' \
            '(--log-cap)--log-cap=[presence events that the log of the fleet keeps, 0: none (default 100000)]:n: '
          ;;
        context)
          _arguments $globals \
            '(--protected)--protected[set: ask before writes to several devices]' \
            '(--no-protected)--no-protected[set: do not ask before writes to several devices]' \
            '*--unset=[set: remove this field]:field:(namespace dialect readOnly ca cert key insecure role partitions historyCap)' \
            '1:action:(list use show set remove)' \
            '2::name: '
          ;;
        acl)
          _arguments $globals \
            '(--user)--user=[the user'\''s name (default: the role)]:name: ' \
            '*--id=[device: a device it sends heartbeats for, may be repeated (default: the name of the user)]:id: ' \
            '(--partitions)--partitions=[device: the partitions of the fleet (default: what it declares)]:n: ' \
            '(--history)--history=[device: how many reports its history keeps (default: what the fleet declares)]:n: ' \
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

# Autoloaded from $fpath, this file is the function and completes at once; sourced, it registers the function.
if [[ $funcstack[1] == _devstate ]]; then
  _devstate "$@"
else
  compdef _devstate devstate
fi
