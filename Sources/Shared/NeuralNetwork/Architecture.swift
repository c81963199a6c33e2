/// The networks that can be trained, as tables of blocks: VGG's end with a pooling, ResNet's are the residual blocks. A
/// network can be cut after any block.
package enum Architecture: String, Codable, CaseIterable, Sendable {
  /// VGG in small, for quick runs: three blocks of two convolutions.
  case vgg8
  /// VGG-16 with batch normalization (Simonyan and Zisserman, 2014, configuration D) without the large linear layers.
  case vgg16
  /// ResNet-18 (He et al., 2015) with a 3×3 stem and no pooling, as usual on 32×32 images.
  case resnet18
  /// ResNet-18 with the 7×7/2 stem and max pooling of the paper.
  case resnet18ImageNet = "resnet18-imagenet"

  /// Channels of each convolution, per block: VGG.
  private var vggTable: [[Int]]? {
    switch self {
    case .vgg8: [[32, 32], [64, 64], [128, 128]]
    case .vgg16: [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]
    case .resnet18, .resnet18ImageNet: nil
    }
  }

  /// Channels and first stride of each stage of two residual blocks: ResNet-18.
  private static let resNetTable = [(64, 1), (128, 2), (256, 2), (512, 2)]

  /// How many blocks there are; the classifier after them is not counted.
  package var blockCount: Int { vggTable?.count ?? 2 * Self.resNetTable.count }

  /// The layers of each block, with the weights' names in the whole network.
  ///
  /// - Parameters:
  ///   - channels: of an image.
  ///   - bottleneckBefore: a block (from 0) whose input has another number of channels, because a bottleneck stands
  ///     before it.
  ///   - bottleneckChannels: that number.
  func blocks(channels: Int, bottleneckBefore: Int? = nil, bottleneckChannels: Int = 0) -> [[any Layer]] {
    if let table = vggTable { return vggBlocks(table, channels, bottleneckBefore, bottleneckChannels) }
    return resNetBlocks(channels, bottleneckBefore, bottleneckChannels)
  }

  /// The classifier: global average pooling and a linear layer.
  func classifier(inputs: Int, classes: Int) -> [any Layer] {
    [GlobalAveragePooling(), Linear(name: vggTable == nil ? "fc" : "classifier", inputs: inputs, outputs: classes)]
  }

  /// Numbered as torchvision's `features`: convolution, batch normalization, ReLU, …, pooling each count one.
  private func vggBlocks(_ table: [[Int]], _ channels: Int, _ bottleneckBefore: Int?, _ bottleneckChannels: Int)
    -> [[any Layer]]
  {
    var inputs = channels
    var number = 0
    return table.enumerated().map { block, widths in
      if block == bottleneckBefore { inputs = bottleneckChannels }
      var layers: [any Layer] = []
      for (index, width) in widths.enumerated() {
        layers.append(
          NormalizedConvolution(
            Convolution(
              name: "features.\(number)", inputChannels: inputs, outputChannels: width, kernelSize: 3, padding: 1),
            BatchNormalization(
              name: "features.\(number + 1)", channels: width, relu: true, isOutputTransient: index == widths.count - 1),
            // What comes in is an image, or the output of a layer that goes by what came in there.
            overwritesInput: true))
        inputs = width
        number += 3
      }
      layers.append(MaxPooling(kernelSize: 2, stride: 2))
      number += 1
      return layers
    }
  }

  /// Named as torchvision's `resnet18`; the stem belongs to the first block.
  private func resNetBlocks(_ channels: Int, _ bottleneckBefore: Int?, _ bottleneckChannels: Int) -> [[any Layer]] {
    var inputs = 64
    var blocks: [[any Layer]] = []
    for (stage, row) in Self.resNetTable.enumerated() {
      let (width, stride) = row
      for index in 0..<2 {
        if blocks.count == bottleneckBefore { inputs = bottleneckChannels }
        blocks.append([
          ResidualBlock(
            name: "layer\(stage + 1).\(index)", inputChannels: inputs, outputChannels: width,
            stride: index == 0 ? stride : 1)
        ])
        inputs = width
      }
    }
    blocks[0] = resNetStem(channels) + blocks[0]
    return blocks
  }

  private func resNetStem(_ channels: Int) -> [any Layer] {
    let wide = self == .resnet18ImageNet
    let stem = NormalizedConvolution(
      Convolution(
        name: "conv1", inputChannels: channels, outputChannels: 64, kernelSize: wide ? 7 : 3, stride: wide ? 2 : 1,
        padding: wide ? 3 : 1), BatchNormalization(name: "bn1", channels: 64, relu: true, isOutputTransient: wide))
    return wide ? [stem, MaxPooling(kernelSize: 3, stride: 2, padding: 1)] : [stem]
  }
}
