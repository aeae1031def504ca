# frozen_string_literal: true

# Gives a ruby script its INPUT and OUTPUT, and records OUTPUT however the script ends. Loaded by `ruby -r` before the
# script. Needs the json library only if there are inputs.
module Otto
  DIRECTORY = File.dirname(File.dirname(ENV.fetch('OTTO_INPUT_JSON')))
  PROCESS = Process.pid
  JOB = ENV.fetch('OTTO_TASK', '')
  # The only key of a hash that stands for a string which is not UTF-8, and of one that stands for the hash in it.
  BYTES_KEY = '__otto_bytes__'
  MAP_KEY = '__otto_map__'
  MOST_LEVELS = 128
  INHERITED = ENV.to_h.freeze

  # A KeyError that says what there is.
  class MissingInput < KeyError
  end

  # The outputs of one dependency, by their own keys.
  class Task < Hash
    attr_accessor :otto_name

    def self.of(name, values)
      task = new { |hash, key| Otto.refuse(hash.otto_why(key)) }
      task.otto_name = name
      task.update(values)
    end

    def otto_why(key)
      return "`#{otto_name}` recorded no outputs, so there is no '#{key}'" if empty?

      "`#{otto_name}` has no output '#{key}'; it has #{Otto.listed(keys)}#{Otto.did_you_mean(key, keys)}"
    end
  end

  # The outputs of all jobs of a foreach task, by their items, in order. What a failed job left has its own name alone.
  class Items < Hash
    def self.of(name, items, tasks)
      jobs = new { |_, item| Otto.refuse(Otto.why_no_item(name, item.to_s, items, tasks)) }
      items.each { |item| jobs[item] = tasks.fetch("#{name}:#{item}") }
      jobs
    end
  end

  # The outputs of all dependencies under flat keys, `task.key`. `INPUT['task']`, `INPUT['task.key.0.name']` and, of all
  # jobs of a foreach task, `INPUT['task.*.key']` are found as well, though they are not among its keys.
  class Inputs < Hash
    def self.load(tasks, fan_ins = {})
      inputs = new do |hash, key|
        found = hash.otto_find(key)
        found.equal?(NOTHING) ? Otto.refuse(hash.otto_why(key)) : found
      end
      inputs.otto_fill(tasks, fan_ins)
    end

    def otto_fill(tasks, fan_ins)
      @tasks = tasks.to_h { |name, values| [name, Task.of(name, values)] }
      @fan_ins = fan_ins.to_h { |name, items| [name, Items.of(name, items, @tasks)] }
      tasks.each { |name, values| values.each { |key, value| self["#{name}.#{key}"] = value } }
      self
    end

    def key?(key)
      super || !otto_find(key).equal?(NOTHING)
    end
    alias include? key?
    alias has_key? key?
    alias member? key?

    def fetch(key, *default, &block)
      return super if default.empty? && block.nil? && !key?(key)

      key?(key) ? self[key] : super
    end

    def dig(key, *rest)
      found = key?(key) ? self[key] : nil
      rest.empty? || found.nil? ? found : found.dig(*rest)
    end

    def otto_find(key)
      key = key.to_s
      return @tasks[key] if @tasks.key?(key)
      return @fan_ins[key] if @fan_ins.key?(key)

      Otto.owners(key) do |name, rest|
        found = @tasks.key?(name) ? Otto.inside(@tasks[name], rest) : NOTHING
        return found unless found.equal?(NOTHING)
      end
      jobs, rest = otto_list(key)
      values = jobs&.each_value&.map { |job| Otto.inside(job, rest) }
      values.nil? || values.any? { |value| value.equal?(NOTHING) } ? NOTHING : values
    end

    # The jobs of the foreach task of which `task.*.key` asks, and the key.
    def otto_list(key)
      Otto.owners(key) do |name, rest|
        return [@fan_ins[name], rest[2..]] if @fan_ins.key?(name) && rest.start_with?('*.')
      end
      nil
    end

    def otto_why(key)
      key = key.to_s
      return "INPUT['#{key}']: `#{JOB}` depends on no task; name one in its `needs`" if @tasks.empty?

      jobs, rest = otto_list(key)
      return jobs.each_value.find { |job| Otto.inside(job, rest).equal?(NOTHING) }.otto_why(rest) if jobs

      Otto.owners(key) do |name, inner|
        return @tasks[name].otto_why(inner) if @tasks.key?(name)
        next unless @fan_ins.key?(name)

        return "`#{name}` is a foreach task; INPUT['#{name}.*.#{inner}'] reads this key of all its jobs"
      end

      owners = keys.select { |flat| flat.end_with?(".#{key}") }.first(3)
      return "INPUT['#{key}'] does not say of which task; did you mean '#{owners.join("' or '")}'?" unless owners.empty?

      name = key.split('.').first.to_s
      depends = @tasks.keys.map { |task| "`#{task}`" }.join(', ')
      hint = Otto.did_you_mean(name, @tasks.keys)
      hint = "; add `#{name}` to its `needs`" if hint.empty?
      "`#{name}` is not a dependency of `#{JOB}`, which depends on #{depends}#{hint}"
    end
  end

  NOTHING = Object.new.freeze

  module_function

  # From where the script asked, without the lines of this file.
  def refuse(why)
    raise MissingInput, why, caller.reject { |line| line.start_with?(__FILE__) }
  end

  # The ways to split a key into the name of a task and the rest, the longest name first.
  def owners(key)
    dot = key.rindex('.')
    while dot
      yield key[0...dot], key[(dot + 1)..]
      dot = dot.zero? ? nil : key.rindex('.', dot - 1)
    end
  end

  def why_no_item(name, item, items, tasks)
    job = "#{name}:#{item}"
    return "`#{job}` did not succeed; what it left is INPUT['#{job}']" if tasks.key?(job)
    return "`#{name}` has no item '#{item}'; it has no items" if items.empty?

    "`#{name}` has no item '#{item}'; it has #{listed(items)}#{did_you_mean(item, items)}"
  end

  # The meaning of a flat key; the longest key that is literally there wins.
  def inside(value, key)
    case value
    when Hash
      return value.fetch(key) if value.key?(key)

      parts = key.split('.', -1)
      (parts.size - 1).downto(1) do |count|
        first = parts.first(count).join('.')
        found = value.key?(first) ? inside(value.fetch(first), parts.drop(count).join('.')) : NOTHING
        return found unless found.equal?(NOTHING)
      end
    when Array
      return value.size if key == '#'

      index, rest = key.split('.', 2)
      if index&.match?(/\A(0|[1-9]\d{0,8})\z/) && index.to_i < value.size
        return rest ? inside(value[index.to_i], rest) : value[index.to_i]
      end
    end
    NOTHING
  end

  def listed(names)
    names.first(20).join(', ') + (names.size > 20 ? " and #{names.size - 20} more" : '')
  end

  def did_you_mean(key, known)
    return '' unless defined?(DidYouMean::SpellChecker)

    near = DidYouMean::SpellChecker.new(dictionary: known.first(2000).map(&:to_s)).correct(key.to_s).first
    near ? "; did you mean '#{near}'?" : ''
  end

  def inputs
    file = File.join(DIRECTORY, '.otto/input.json')
    return Inputs.load({}) if File.size(file) < 4

    require 'json'
    tasks = JSON.parse(File.binread(file).force_encoding(Encoding::UTF_8), max_nesting: 200)
    fan_ins = fan_ins_of(tasks)
    Inputs.load(tasks.transform_values { |values| values.transform_values { |value| meaning(value) } }, fan_ins)
  end

  # Foreach tasks with their items, in order. Their data by items is in the file for those who read it themselves.
  def fan_ins_of(tasks)
    file = File.join(DIRECTORY, '.otto/items.json')
    return {} unless File.exist?(file)

    known = JSON.parse(File.binread(file).force_encoding(Encoding::UTF_8))
    known.each_key { |name| tasks.delete(name) }
  end

  # The item of a job of a foreach task, with its type.
  def item(file)
    require 'json'
    meaning(JSON.parse("[#{File.binread(file).force_encoding(Encoding::UTF_8)}]", max_nesting: 200).first)
  end

  OUTCOME_FIELDS = %w[exit signal reason seconds attempts log error failed].freeze

  # How the dependencies ended: `OUTCOME['build']` is a word, `OUTCOME['build.exit']` a field, nil where it does not apply.
  def outcomes(file)
    require 'json'
    ends = JSON.parse(File.binread(file).force_encoding(Encoding::UTF_8)).transform_values { |fields| meaning(fields) }
    known = Hash.new { |_, key| why_no_outcome(key.to_s, ends.keys) }
    ends.each { |name, fields| known[name] = fields['outcome'] }
    ends.each do |name, fields|
      OUTCOME_FIELDS.each { |field| known["#{name}.#{field}"] = fields[field] unless known.key?("#{name}.#{field}") }
    end
    known
  end

  def why_no_outcome(key, names)
    refuse("OUTCOME['#{key}']: `#{JOB}` depends on no task; name one in its `needs`") if names.empty?

    owner = names.select { |name| key.start_with?("#{name}.") }.max_by(&:size)
    if owner
      field = key[(owner.size + 1)..]
      hint = did_you_mean(field, OUTCOME_FIELDS)
      refuse("`OUTCOME` of `#{owner}` has no field '#{field}'; it has #{listed(OUTCOME_FIELDS)}#{hint}")
    end

    hint = did_you_mean(key, names)
    hint = "; add `#{key}` to its `needs`" if hint.empty?
    depends = names.map { |name| "`#{name}`" }.join(', ')
    refuse("`#{key}` is not a dependency of `#{JOB}`, which depends on #{depends}#{hint}")
  end

  # What a value of the file stands for.
  def meaning(value)
    case value
    when Array then value.map { |item| meaning(item) }
    when Hash
      key, inner = value.first if value.size == 1
      text = text_of(inner) if key == BYTES_KEY
      return text if text

      value = inner if key == MAP_KEY && inner.is_a?(Hash) && like_ours?(inner.keys)
      value.transform_values { |item| meaning(item) }
    else value
    end
  end

  # The string that these bytes are, which is not UTF-8; nil if otto would not have written it so.
  def text_of(base64)
    return unless base64.is_a?(String)

    text = base64.unpack1('m').force_encoding(Encoding::UTF_8)
    text if !text.valid_encoding? && [text.b].pack('m0') == base64
  end

  # Whether a hash with these keys could be taken for one that stands for something else.
  def like_ours?(names)
    names.size == 1 && names.first.start_with?('__otto_') && names.first.end_with?('__')
  end

  TOO_DEEP = "is nested more than #{MOST_LEVELS} levels deep: make it flatter"

  # Writes JSON, and collects what cannot be written together with the way to it.
  class Writer
    attr_reader :problems

    ESCAPES = { '"' => '\\"', '\\' => '\\\\', "\n" => '\\n', "\r" => '\\r', "\t" => '\\t' }.freeze

    def initialize
      @problems = []
      @open = []
      # How many lists and hashes of JSON that is.
      @levels = 0
      @way = []
    end

    # A hash as JSON, without the keys that JSON cannot hold.
    def outermost(values)
      @open.push(values)
      @levels += 1
      parts = entries(values).filter_map do |key, name, value|
        count = @problems.size
        part = entry(key, name, value)
        part if @problems.size == count
      end
      "{#{parts.join(',')}}"
    end

    def value(value)
      case value
      when nil then 'null'
      when true then 'true'
      when false then 'false'
      when Integer then value.to_s
      when Float
        value.finite? ? value.to_s : refuse("is #{value}, and JSON has no such number: use nil or a string")
      when String then string(value)
      when Symbol then string(value.to_s)
      when Hash, Array then container(value)
      else other(value)
      end
    end

    def quote(text)
      escaped = text.gsub(/["\\\x00-\x1f]/) { |found| ESCAPES[found] || format('\\u%04x', found.ord) }
      "\"#{escaped}\""
    end

    private

    def string(text)
      text = utf8(text)
      return quote(text) if text.valid_encoding?
      return refuse(TOO_DEEP) if @levels == MOST_LEVELS

      "{\"#{BYTES_KEY}\":\"#{[text.b].pack('m0')}\"}"
    end

    def utf8(text)
      return text.dup.force_encoding(Encoding::UTF_8) if [Encoding::UTF_8, Encoding::BINARY].include?(text.encoding)

      text.encode(Encoding::UTF_8)
    rescue EncodingError
      text.b.force_encoding(Encoding::UTF_8)
    end

    def container(value)
      return refuse('contains itself: break the circle') if @open.any? { |outer| outer.equal?(value) }

      @open.push(value)
      Hash === value ? hash(value) : array(value)
    end

    def hash(values)
      entries = entries(values)
      is_wrapped = Otto.like_ours?(entries.map { |_, name, _| name })
      return refuse(TOO_DEEP) if too_deep?(is_wrapped ? 2 : 1)

      text = "{#{entries.map { |key, name, value| entry(key, name, value) }.join(',')}}"
      is_wrapped ? "{\"#{MAP_KEY}\":#{text}}" : text
    end

    def array(values)
      return refuse(TOO_DEEP) if too_deep?(1)

      "[#{Array.new(values.size) { |place| inside(place, values[place]) }.join(',')}]"
    end

    # Counts the lists and hashes that are about to be written; `inside` takes them back.
    def too_deep?(levels)
      @levels += levels
      @levels > MOST_LEVELS
    end

    def entry(key, name, value)
      "#{quote(name)}:#{inside(key, value)}"
    end

    # A value may raise whatever it likes when it is looked at: that costs this value and no other.
    def inside(step, value)
      open = @open.size
      levels = @levels
      @way.push(step)
      value(value)
    rescue Interrupt
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException
      refuse("cannot be read (#{said(e)}): use .to_s, or a hash of what matters in it")
    ensure
      @way.pop
      @open.slice!(open..)
      @levels = levels
    end

    def said(error)
      "#{error.class}: #{error.message.lines.first&.chomp}"
    rescue StandardError
      'it raises what cannot be shown'
    end

    # Each key with its name in JSON and its value.
    def entries(values)
      owners = {}
      values.to_a.filter_map do |key, value|
        name = name_of(key)
        next refuse("has #{shown(key)}: use a string") if name.nil?
        next refuse("has the key #{name.b.inspect}, which is not UTF-8: use a key that is") unless name.valid_encoding?

        if owners.key?(name)
          next refuse("has the keys #{owners[name].inspect} and #{key.inspect}, which are one in JSON: rename one")
        end

        owners[name] = key
        [key, name, value]
      end.select { |entry| entry.is_a?(Array) }
    end

    # What a key is called in JSON, or nil.
    def name_of(key)
      case key
      when Float then key.to_s if key.finite?
      when String, Symbol, Numeric then utf8(key.to_s)
      end
    end

    def shown(key)
      "the key #{key.inspect}, #{a(key)}"
    rescue StandardError
      'a key that cannot be shown'
    end

    def other(value)
      return refuse('is a BasicObject: use a hash of what matters in it') unless Object === value
      return string(value.to_path) if value.respond_to?(:to_path)

      remedy =
        if value.is_a?(Time) || value.respond_to?(:iso8601) then 'use .iso8601, of the library time, or .to_s'
        elsif value.respond_to?(:each_pair) || value.respond_to?(:members) then 'use .to_h'
        elsif value.is_a?(Proc) || value.is_a?(Method) then 'call it, and record what it returns'
        elsif value.respond_to?(:each) then 'use .to_a'
        elsif value.is_a?(Numeric) then 'use .to_f or .to_s'
        elsif value.is_a?(Module) then 'use .name'
        else 'use .to_s, or a hash of what matters in it'
        end
      refuse("is #{a(value)}: #{remedy}")
    end

    def a(value)
      name = value.class.name || 'nameless class'
      "#{name.match?(/\A[aeio]/i) ? 'an' : 'a'} #{name}"
    end

    def refuse(what)
      if @problems.size < 1000
        way = @way.map { |step| "[#{step.inspect}]" }
        way[12..] = ['…'] if way.size > 12
        @problems << "OUTPUT#{way.join} #{what}"
      end
      'null'
    end
  end

  def exported
    ENV.to_h.select { |name, text| name.start_with?('OTTO_') && INHERITED[name] != text }
  end

  def save(first)
    return unless Process.pid == PROCESS

    replaced = []
    warnings = []
    outputs = Object.const_get(:OUTPUT)
    if outputs.is_a?(Hash)
      dropped = first.keys - outputs.keys
      warnings << [0, "OUTPUT was replaced, which drops #{listed(dropped.map(&:inspect))}"] unless dropped.empty?
    else
      replaced << "OUTPUT is a #{outputs.class} now: write OUTPUT['key'] = value"
      outputs = first
    end
    writer = Writer.new
    text = writer.outermost(outputs)
    told = { 'exports' => exported, 'replaced' => replaced, 'problems' => writer.problems, 'warnings' => warnings }
    record("#{text}\n#{Writer.new.outermost(told)}\n".b)
  end

  def record(lines)
    path = File.join(DIRECTORY, '.otto/dump')
    File.open(path, 'ab') { |file| file.write(lines, "otto-end #{lines.bytesize}\n") }
  rescue SystemCallError => e
    $stderr.puts("otto: cannot save the outputs: #{e.message}")
    # An older record must not pass for this one.
    File.truncate(path, 0) if File.writable?(path)
  end
end

INPUT = Otto.inputs
ITEM = Otto.item("#{Otto::DIRECTORY}/.otto/item.json") if File.exist?("#{Otto::DIRECTORY}/.otto/item.json")
OUTCOME = Otto.outcomes(ENV.fetch('OTTO_OUTCOME_JSON')) if ENV.key?('OTTO_OUTCOME_JSON')
OUTPUT = {}
# Registered first, so called last.
at_exit { |first = OUTPUT| Otto.save(first) }
