import Facts
import XCTest

/// Spellings that QEMU and the kernel decide.
final class SpellingTests: XCTestCase {
  func testHexadecimalIsFilledUpAndNeverCut() {
    XCTAssertEqual(UInt16(0xa0).hexadecimal(digits: 4), "00a0")
    XCTAssertEqual(0x12345.hexadecimal(digits: 3), "12345")
    XCTAssertEqual(UInt8(0xaf).hexadecimal(digits: 4, uppercase: true), "00AF")
    XCTAssertEqual(0.hexadecimal(digits: 1), "0")
  }

  func testDriversOfVFIOAreFoundByNameInEitherSpelling() {
    for name in ["vfio-pci", "vfio_pci", "nvgrace_gpu_vfio_pci", "xe-vfio-pci", "mlx5_vfio_pci", "vfio-pci-core"] {
      XCTAssert(VFIODriverName.isVFIO(name), name)
    }
    for name in ["", "vfio", "nvidia", "uio_pci_generic", "vfio-platform", "pci-stub"] {
      XCTAssertFalse(VFIODriverName.isVFIO(name), name)
    }
    XCTAssert(VFIODriverName.isVFIOPCI("vfio-pci"))
    XCTAssertFalse(VFIODriverName.isVFIOPCI("nvgrace_gpu_vfio_pci"))
  }

  /// Observed on QEMU 11.1.3, by the order in which it sets properties.
  func testBucketsAreThoseOfQEMUsDictionaries() {
    XCTAssertEqual(QDictHash.bucket("ats"), 179)
    XCTAssertEqual(QDictHash.bucket("iommufd"), 3)
  }
}
