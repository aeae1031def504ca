# Gives a perl script its %INPUT and %OUTPUT, and records %OUTPUT however the script ends. Loaded by `perl -M` before
# the script. Uses no module of the library, for each would cost every task its time.
package OttoPreload;

use strict;
use warnings;
no warnings 'recursion';

my ($directory) = $ENV{OTTO_INPUT_JSON} =~ m{\A(.*)/\.otto/[^/]*\z}s or die "otto: OTTO_INPUT_JSON is not set\n";
my $process   = $$;
my $job       = $ENV{OTTO_TASK};
my %inherited = %ENV;
my $most      = 128;
# The only key of a hash that stands for a string which is not UTF-8, and of one that stands for the hash in it.
my $bytes_key = '__otto_bytes__';
my $map_key   = '__otto_map__';
my $too_deep  = "is nested more than $most levels deep: make it flatter";
my (%outputs, @problems);

# ── what a script reads ───────────────────────────────────────────────────────────────────────────────────────

sub read_file {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "otto: cannot read $path: $!\n";
    local $/;
    return scalar <$file>;
}

# JSON as otto writes it. Strings are bytes, as everything that perl reads; true and false are perl's own.
sub decode {
    my ($text) = @_;
    return value_at(\$text);
}

sub value_at {
    my ($text) = @_;
    $$text =~ /\G\s+/gc;
    if ($$text =~ /\G"/gc) { return string_at($text) }
    if ($$text =~ /\G\{\s*/gc) {
        my %map;
        until ($$text =~ /\G\s*\}/gc) {
            $$text =~ /\G[\s,]*"/gc or die "otto: the inputs are damaged\n";
            my $key = string_at($text);
            $$text =~ /\G\s*:/gc;
            $map{$key} = value_at($text);
        }
        return \%map;
    }
    if ($$text =~ /\G\[\s*/gc) {
        my @list;
        until ($$text =~ /\G\s*\]/gc) {
            $$text =~ /\G[\s,]+/gc;
            push @list, value_at($text);
        }
        return \@list;
    }
    if ($$text =~ /\Gnull/gc)  { return undef }
    if ($$text =~ /\Gtrue/gc)  { return !!1 }
    if ($$text =~ /\Gfalse/gc) { return !!0 }
    $$text =~ /\G(-?[0-9][-+.0-9eE]*)/gc or die "otto: the inputs are damaged\n";
    my $number = 0 + $1;
    # An integer that perl would round stays text.
    return "$number" eq $1 || $1 =~ /[.eE]/ ? $number : $1;
}

# What a value of the file stands for.
sub meaning {
    my ($value) = @_;
    return [ map { meaning($_) } @$value ] if ref $value eq 'ARRAY';
    return $value if ref $value ne 'HASH';
    my ($key, $inner) = %$value;
    if (keys %$value == 1 && $key eq $bytes_key && defined $inner && !ref $inner) {
        my $bytes = base64_decode($inner);
        return $bytes if !is_utf8($bytes) && base64_encode($bytes) eq $inner;
    }
    $value = $inner if keys %$value == 1 && $key eq $map_key && ref $inner eq 'HASH' && is_like_ours(keys %$inner);
    return { map { $_ => meaning($value->{$_}) } keys %$value };
}

# Whether a hash with these keys could be taken for one that stands for something else.
sub is_like_ours { return @_ == 1 && $_[0] =~ /\A__otto_.*__\z/s }

my %unescaped = (b => "\b", f => "\f", n => "\n", r => "\r", t => "\t");

# After the opening quote.
sub string_at {
    my ($text) = @_;
    my $string = '';
    while (1) {
        $string .= $1 if $$text =~ /\G([^"\\]+)/gc;
        return $string if $$text =~ /\G"/gc;
        if    ($$text =~ /\G\\u([0-9a-fA-F]{4})/gc) { my $code = chr hex $1; utf8::encode($code); $string .= $code }
        elsif ($$text =~ /\G\\(.)/gcs)              { $string .= $unescaped{$1} // $1 }
        else                                        { die "otto: the inputs are damaged\n" }
    }
}

sub base64_decode {
    my ($text) = @_;
    (my $symbols = $text) =~ tr{A-Za-z0-9+/}{}cd;
    my $padding = length($text) - length $symbols;
    $symbols =~ tr{A-Za-z0-9+/}{ -_};
    my $bytes = '';
    while ($symbols =~ /(.{1,60})/gs) {
        my $line = $1;
        $bytes .= unpack 'u', chr(32 + int(length($line) * 3 / 4)) . $line;
    }
    return $bytes;
}

sub is_utf8 {
    my $copy = shift;
    return utf8::decode($copy);
}

# The outputs of one dependency, by their own keys.
package OttoPreload::Task {
    sub TIEHASH  { my ($class, $name, $values) = @_; return bless [ $values, $name ], $class }
    sub STORE    { my ($self, $key, $value) = @_; $self->[0]{$key} = $value; return }
    sub EXISTS   { my ($self, $key) = @_; return exists $self->[0]{$key} }
    sub DELETE   { my ($self, $key) = @_; return delete $self->[0]{$key} }
    sub CLEAR    { my ($self) = @_; %{ $self->[0] } = (); return }
    sub FIRSTKEY { my ($self) = @_; keys %{ $self->[0] }; return each %{ $self->[0] } }
    sub NEXTKEY  { my ($self) = @_; return each %{ $self->[0] } }
    sub SCALAR   { my ($self) = @_; return scalar %{ $self->[0] } }

    sub FETCH {
        my ($self, $key) = @_;
        my ($values, $name) = @$self;
        return $values->{$key} if exists $values->{$key};
        my (undef, $file, $line) = caller;
        die OttoPreload::why_missing($name, $key, sort keys %$values) . " at $file line $line.\n";
    }
}

# The outputs of all jobs of a foreach task, by their items, in order. What a failed job left has its own name alone.
package OttoPreload::Items {
    sub TIEHASH {
        my ($class, $name, $items, $tasks) = @_;
        my %jobs = map { $_ => $tasks->{"$name:$_"} } @$items;
        return bless { name => $name, items => $items, jobs => \%jobs, tasks => $tasks }, $class;
    }

    sub FETCH {
        my ($self, $item) = @_;
        return $self->{jobs}{$item} if exists $self->{jobs}{$item};
        my (undef, $file, $line) = caller;
        die $self->why($item) . " at $file line $line.\n";
    }

    sub why {
        my ($self, $item) = @_;
        my ($name, @items) = ($self->{name}, @{ $self->{items} });
        return "`$name:$item` did not succeed; what it left is \$INPUT{'$name:$item'}" if exists $self->{tasks}{"$name:$item"};
        return "`$name` has no item '$item'; it has no items" if !@items;
        return "`$name` has no item '$item'; it has " . OttoPreload::listed(@items) . OttoPreload::did_you_mean($item, @items);
    }

    sub EXISTS   { my ($self, $item) = @_; return exists $self->{jobs}{$item} }
    sub FIRSTKEY { my ($self) = @_; $self->{left} = [ @{ $self->{items} } ]; return shift @{ $self->{left} } }
    sub NEXTKEY  { my ($self) = @_; return shift @{ $self->{left} } }
    sub SCALAR   { my ($self) = @_; return scalar @{ $self->{items} } }
    sub STORE    { my (undef, $file, $line) = caller; die "\%INPUT holds what other tasks recorded; set \$OUTPUT{'$_[1]'} at $file line $line.\n" }
    sub DELETE   { goto &STORE }
    sub CLEAR    { goto &STORE }
}

# The outputs of all dependencies under flat keys, `task.key`. `$INPUT{task}`, `$INPUT{'task.key.0.name'}` and, of all jobs
# of a foreach task, `$INPUT{'task.*.key'}` are found as well, though they are not among its keys.
package OttoPreload::Inputs {
    sub TIEHASH {
        my ($class, $tasks, $fan_ins) = @_;
        my %items;
        for my $name (keys %$fan_ins) {
            tie my %jobs, 'OttoPreload::Items', $name, $fan_ins->{$name}, $tasks;
            $items{$name} = \%jobs;
        }
        return bless { tasks => $tasks, items => \%items, order => $fan_ins }, $class;
    }

    sub FETCH {
        my ($self, $key) = @_;
        my $found = $self->find($key);
        return $$found if $found;
        my (undef, $file, $line) = caller;
        die $self->why($key) . " at $file line $line.\n";
    }

    # A reference to what a flat key means.
    sub find {
        my ($self, $key) = @_;
        return \$self->{tasks}{$key} if exists $self->{tasks}{$key};
        return \$self->{items}{$key} if exists $self->{items}{$key};
        for my $split (OttoPreload::owners($key)) {
            my ($name, $rest) = @$split;
            next if !exists $self->{tasks}{$name};
            my $found = OttoPreload::inside($self->{tasks}{$name}, $rest);
            return $found if $found;
        }
        my ($name, $rest) = $self->list_of($key) or return;
        my @found = map { OttoPreload::inside($self->{tasks}{"$name:$_"}, $rest) } @{ $self->{order}{$name} };
        return if @found < @{ $self->{order}{$name} };
        return \[ map { $$_ } @found ];
    }

    # The foreach task of which `task.*.key` asks, and the key.
    sub list_of {
        my ($self, $key) = @_;
        for my $split (OttoPreload::owners($key)) {
            my ($name, $rest) = @$split;
            return ($name, substr $rest, 2) if exists $self->{order}{$name} && $rest =~ /\A\*\./;
        }
        return;
    }

    sub keys_of { my ($self) = @_; my $tasks = $self->{tasks}; return map { my $name = $_; map { "$name.$_" } sort keys %{ $tasks->{$name} } } sort keys %$tasks }
    sub EXISTS   { my ($self, $key) = @_; return !!$self->find($key) }
    sub FIRSTKEY { my ($self) = @_; $self->{left} = [ $self->keys_of ]; return shift @{ $self->{left} } }
    sub NEXTKEY  { my ($self) = @_; return shift @{ $self->{left} } }
    sub SCALAR   { my ($self) = @_; return scalar(my @keys = $self->keys_of) }
    sub STORE    { my (undef, $file, $line) = caller; die "\%INPUT holds what other tasks recorded; set \$OUTPUT{'$_[1]'} at $file line $line.\n" }
    sub DELETE   { goto &STORE }
    sub CLEAR    { goto &STORE }

    sub why {
        my ($self, $key) = @_;
        my @tasks = sort keys %{ $self->{tasks} };
        return "\$INPUT{'$key'}: `$job` depends on no task; name one in its `needs`" if !@tasks;
        if (my ($name, $rest) = $self->list_of($key)) {
            my ($lacks) = grep { !OttoPreload::inside($self->{tasks}{$_}, $rest) } map { "$name:$_" } @{ $self->{order}{$name} };
            return OttoPreload::why_missing($lacks, $rest, sort keys %{ $self->{tasks}{$lacks} });
        }
        for my $split (OttoPreload::owners($key)) {
            my ($name, $rest) = @$split;
            return OttoPreload::why_missing($name, $rest, sort keys %{ $self->{tasks}{$name} }) if exists $self->{tasks}{$name};
            return "`$name` is a foreach task; \$INPUT{'$name.*.$rest'} reads this key of all its jobs" if exists $self->{order}{$name};
        }
        my @owners = grep { /\.\Q$key\E\z/ } $self->keys_of;
        return "\$INPUT{'$key'} does not say of which task; did you mean '$owners[0]'?" if @owners;
        my ($name) = split /\./, $key;
        my $hint = OttoPreload::did_you_mean($name, @tasks) || "; add `$name` to its `needs`";
        return "`$name` is not a dependency of `$job`, which depends on " . join(', ', map { "`$_`" } @tasks) . $hint;
    }
}

my @outcome_fields = qw(exit signal reason seconds attempts log error failed);

# How the dependencies ended: `$OUTCOME{build}` is a word, `$OUTCOME{'build.exit'}` a field, undef where it does not apply.
package OttoPreload::Outcomes {
    sub TIEHASH {
        my ($class, $tasks) = @_;
        my %known = map { $_ => $tasks->{$_}{outcome} } keys %$tasks;
        for my $name (keys %$tasks) {
            my $fields = OttoPreload::meaning($tasks->{$name});
            $known{"$name.$_"} = $fields->{$_} for grep { !exists $known{"$name.$_"} } @outcome_fields;
        }
        return bless { known => \%known, tasks => [ sort keys %$tasks ] }, $class;
    }

    sub FETCH {
        my ($self, $key) = @_;
        return $self->{known}{$key} if exists $self->{known}{$key};
        my (undef, $file, $line) = caller;
        die $self->why($key) . " at $file line $line.\n";
    }

    sub EXISTS   { my ($self, $key) = @_; return exists $self->{known}{$key} }
    sub FIRSTKEY { my ($self) = @_; $self->{left} = [ sort keys %{ $self->{known} } ]; return shift @{ $self->{left} } }
    sub NEXTKEY  { my ($self) = @_; return shift @{ $self->{left} } }
    sub SCALAR   { my ($self) = @_; return scalar keys %{ $self->{known} } }
    sub STORE    { my (undef, $file, $line) = caller; die "\%OUTCOME says how other tasks ended; set \$OUTPUT{'$_[1]'} at $file line $line.\n" }
    sub DELETE   { goto &STORE }
    sub CLEAR    { goto &STORE }

    sub why {
        my ($self, $key) = @_;
        my @tasks = @{ $self->{tasks} };
        return "\$OUTCOME{'$key'}: `$job` depends on no task; name one in its `needs`" if !@tasks;
        my ($owner) = sort { length $b <=> length $a } grep { index($key, "$_.") == 0 } @tasks;
        if (defined $owner) {
            my $field = substr $key, 1 + length $owner;
            return "`OUTCOME` of `$owner` has no field '$field'; it has "
                . OttoPreload::listed(@outcome_fields)
                . OttoPreload::did_you_mean($field, @outcome_fields);
        }
        my $hint = OttoPreload::did_you_mean($key, @tasks) || "; add `$key` to its `needs`";
        return "`$key` is not a dependency of `$job`, which depends on " . join(', ', map { "`$_`" } @tasks) . $hint;
    }
}

# The ways to split a key into the name of a task and the rest, the longest name first.
sub owners {
    my ($key) = @_;
    my @splits;
    for (my $dot = rindex $key, '.'; $dot >= 0; $dot = $dot > 0 ? rindex($key, '.', $dot - 1) : -1) {
        push @splits, [ substr($key, 0, $dot), substr($key, $dot + 1) ];
    }
    return @splits;
}

# The longest key that is literally there wins.
sub inside {
    my ($value, $key) = @_;
    if (ref $value eq 'HASH') {
        return \$value->{$key} if exists $value->{$key};
        for (my $dot = rindex $key, '.'; $dot >= 0; $dot = $dot > 0 ? rindex($key, '.', $dot - 1) : -1) {
            my $first = substr $key, 0, $dot;
            next if !exists $value->{$first};
            my $found = inside($value->{$first}, substr $key, $dot + 1);
            return $found if $found;
        }
    }
    elsif (ref $value eq 'ARRAY') {
        return \scalar @$value if $key eq '#';
        my ($index, $rest) = split /\./, $key, 2;
        return if !defined $index || $index !~ /\A(?:0|[1-9][0-9]{0,8})\z/ || $index >= @$value;
        return defined $rest ? inside($value->[$index], $rest) : \$value->[$index];
    }
    return;
}

sub why_missing {
    my ($task, $key, @known) = @_;
    return "`$task` recorded no outputs, so there is no '$key'" if !@known;
    return "`$task` has no output '$key'; it has " . listed(@known) . did_you_mean($key, @known);
}

sub listed {
    my @names = @_;
    return join ', ', @names if @names <= 20;
    return join(', ', @names[ 0 .. 19 ]) . ' and ' . (@names - 20) . ' more';
}

sub did_you_mean {
    my ($key, @known) = @_;
    my ($best, $least);
    for my $name (@known > 2000 ? @known[ 0 .. 1999 ] : @known) {
        my $distance = distance(lc $key, lc $name);
        ($best, $least) = ($name, $distance) if !defined $least || $distance < $least;
    }
    return defined $least && $least <= (length($key) > 3 ? length($key) / 3 : 1) ? "; did you mean '$best'?" : '';
}

sub distance {
    my ($a, $b) = @_;
    my @row = 0 .. length $b;
    for my $i (1 .. length $a) {
        my @next = ($i);
        for my $j (1 .. length $b) {
            my $cost = substr($a, $i - 1, 1) eq substr($b, $j - 1, 1) ? 0 : 1;
            my $least = $row[ $j - 1 ] + $cost;
            $least = $row[$j] + 1        if $row[$j] + 1 < $least;
            $least = $next[ $j - 1 ] + 1 if $next[ $j - 1 ] + 1 < $least;
            $next[$j] = $least;
        }
        @row = @next;
    }
    return $row[-1];
}

# ── what a script writes ──────────────────────────────────────────────────────────────────────────────────────

my %escaped = ('"' => '\\"', '\\' => '\\\\', "\n" => '\\n', "\r" => '\\r', "\t" => '\\t');

sub quote {
    my ($bytes) = @_;
    $bytes =~ s/(["\\\x00-\x1f])/$escaped{$1} || sprintf '\\u%04x', ord $1/ge;
    return "\"$bytes\"";
}

# Characters become UTF-8; bytes stay as they are.
sub bytes_of {
    my $text = "$_[0]";
    utf8::encode($text) if utf8::is_utf8($text);
    return $text;
}

sub encode {
    my ($value, $way, $open) = @_;
    return 'null' if !defined $value;
    my $kind = ref $value;
    if ($kind eq '') { return scalar_text($value, $way, $open) }
    if ($kind eq 'SCALAR' && defined $$value && !ref $$value && $$value =~ /\A[01]\z/) { return $$value ? 'true' : 'false' }
    if ($kind eq 'JSON::PP::Boolean' || $kind eq 'Types::Serialiser::Boolean') { return $value ? 'true' : 'false' }
    if ($kind ne 'HASH' && $kind ne 'ARRAY') {
        my %remedy = (CODE => 'call it, and record what it returns', Regexp => 'use "$regexp"', GLOB => 'record what it reads');
        return refuse($way, "is a $kind: " . ($remedy{$kind} // 'record what matters in it as a hash or a string'));
    }
    return refuse($way, 'contains itself: break the circle') if grep { $_ == $value } @$open;
    my @keys       = $kind eq 'HASH' ? sort keys %$value : ();
    my $is_wrapped = $kind eq 'HASH' && is_like_ours(@keys);
    my @inner      = (@$open, $value, $is_wrapped ? $value : ());
    return refuse($way, $too_deep) if @inner > $most;
    if ($kind eq 'ARRAY') {
        return '[' . join(',', map { my $n = $_; guarded(sub { $value->[$n] }, [ @$way, $n ], \@inner) } 0 .. $#$value) . ']';
    }
    my $text = '{' . join(',', map { entry($_, $value, $way, \@inner) } @keys) . '}';
    return $is_wrapped ? "{\"$map_key\":$text}" : $text;
}

sub entry {
    my ($key, $values, $way, $open) = @_;
    my $name = bytes_of($key);
    if (!is_utf8($name)) {
        refuse($way, 'has the key "' . escape($name) . '", which is not UTF-8: use a key that is');
        return '"":null';
    }
    return quote($name) . ':' . guarded(sub { $values->{$key} }, [ @$way, $key ], $open);
}

# What is tied, or has operators of its own, may die when it is looked at: that costs this value and no other.
sub guarded {
    my ($read, $way, $open) = @_;
    local ($@, $SIG{__DIE__});
    my $text;
    return $text if eval { $text = encode(scalar $read->(), $way, $open); 1 };
    return refuse($way, 'cannot be read (' . said($@) . '): record what matters in it as a hash or a string');
}

sub said {
    my ($error) = @_;
    my $text = eval { "$error" } // 'it dies with what cannot be shown';
    $text =~ s/\(0x[0-9a-f]+\)//g;
    $text =~ s/ at \S+ line [0-9]+\.?\n?\z//;
    $text =~ s/\s+/ /g;
    return $text;
}

sub scalar_text {
    my ($value, $way, $open) = @_;
    if (defined &builtin::is_bool) {
        no warnings;
        return $value ? 'true' : 'false' if builtin::is_bool($value);
    }
    if (is_number($value)) {
        my $text = digits($value);
        return $text if $text =~ /\A-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?\z/;
        return refuse($way, "is $value, and JSON has no such number: use undef or a string");
    }
    my $bytes = bytes_of($value);
    return quote($bytes) if is_utf8($bytes);
    return refuse($way, $too_deep) if @$open == $most;
    return "{\"$bytes_key\":\"" . base64_encode($bytes) . '"}';
}

# The fewest digits that are this number: perl itself shows fifteen, of which some numbers need two more.
sub digits {
    my ($number) = @_;
    my $text = "$number";
    return $text if $text == $number || $number != $number;
    for my $count (16, 17) {
        $text = sprintf "%.${count}g", $number;
        last if $text == $number;
    }
    return $text;
}

# Whether perl holds it as a number and nothing else: `&` makes 0 of a number and "" of a string.
sub is_number {
    my ($value) = @_;
    return 0 if utf8::is_utf8($value);
    no warnings;
    return length((my $both = '') & $value) != 0;
}

sub base64_encode {
    my ($bytes) = @_;
    my $text = '';
    while ($bytes =~ /(.{1,45})/gs) { $text .= substr pack('u', $1), 1; chomp $text }
    $text =~ tr{` -_}{AA-Za-z0-9+/};
    my $padding = (3 - length($bytes) % 3) % 3;
    $text =~ s/.{$padding}\z/'=' x $padding/e if $padding;
    return $text;
}

sub escape { my ($text) = @_; $text =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge; return $text }

sub refuse {
    my ($way, $what) = @_;
    my @steps = map { /\A[0-9]+\z/ ? "[$_]" : "{'" . escape(bytes_of($_)) . "'}" } @$way;
    splice @steps, 12, @steps, '…' if @steps > 12;
    push @problems, (@steps ? '$' : '%') . 'OUTPUT' . join('', @steps) . " $what" if @problems < 1000;
    return 'null';
}

sub save {
    return if $$ != $process;
    @problems = ();
    my @parts;
    local ($@, $SIG{__DIE__});
    my @keys;
    eval { @keys = sort keys %outputs; 1 } or refuse([], 'cannot be read (' . said($@) . '): use a hash of its own');
    for my $key (@keys) {
        my $count = @problems;
        my $part = entry($key, \%outputs, [], [ \%outputs ]);
        push @parts, $part if @problems == $count;
    }
    my %exports = map { $_ => $ENV{$_} } grep { /\AOTTO_/ && (!defined $inherited{$_} || $inherited{$_} ne $ENV{$_}) } keys %ENV;
    my @told = map { quote(bytes_of($_)) } @problems;
    my $lines = '{' . join(',', @parts) . "}\n{\"exports\":" . encode(\%exports, [], []) . ',"problems":[' . join(',', @told) . "]}\n";
    my $path = "$directory/.otto/dump";
    # `print` adds these, whatever the script has set them to.
    local ($!, $?, $@, $\, $,);
    my $file;
    my $is_written = open($file, '>>:raw', $path) && print({$file} $lines, 'otto-end ', length $lines, "\n") && close $file;
    if (!$is_written) {
        print STDERR "otto: cannot save the outputs in $path: $!\n";
        # An older record must not pass for this one.
        truncate $path, 0;
    }
    return;
}

# ── the script's own ──────────────────────────────────────────────────────────────────────────────────────────

{
    my $text    = read_file("$directory/.otto/input.json");
    my $tasks   = decode($text);
    my $is_more = index($text, '"__otto_') >= 0;
    # Foreach tasks with their items, in order. Their data by items is in the file for those who read it themselves.
    my $fan_ins = -e "$directory/.otto/items.json" ? decode(read_file("$directory/.otto/items.json")) : {};
    delete @{$tasks}{ keys %$fan_ins };
    for my $name (keys %$tasks) {
        my $values = $tasks->{$name};
        $values = { map { $_ => meaning($values->{$_}) } keys %$values } if $is_more;
        tie my %task, 'OttoPreload::Task', $name, $values;
        $tasks->{$name} = \%task;
    }
    if (defined $ENV{OTTO_OUTCOME_JSON}) {
        tie my %outcomes, 'OttoPreload::Outcomes', decode(read_file($ENV{OTTO_OUTCOME_JSON}));
        *main::OUTCOME = \%outcomes;
    }
    tie my %inputs, 'OttoPreload::Inputs', $tasks, $fan_ins;
    no warnings 'once';
    # The item of a job of a foreach task, with its type: a reference to a hash if it is an object.
    *main::ITEM = \(meaning(decode(read_file("$directory/.otto/item.json")))) if -e "$directory/.otto/item.json";
    # From another package, which makes them known under `use strict`.
    *main::INPUT  = \%inputs;
    *main::OUTPUT = \%outputs;
}

# A signal that would end perl on the spot does so once the outputs are saved.
for my $name (qw(TERM HUP)) {
    next if defined $SIG{$name} && $SIG{$name} ne 'DEFAULT';
    $SIG{$name} = sub { save(); $SIG{$name} = 'DEFAULT'; kill $name, $$ };
}

# The first END block of all, so the last to run.
END { save() }

1;
